# The exporter alone: no shell script, no build tools, nothing to write to but its storage path.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm install --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.js ./scripts/
COPY src ./src
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-alpine
# ssh(1) for the network layer; npm and yarn are not needed to run.
RUN apk add --no-cache openssh-client-default \
  && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn*
ENV NODE_ENV=production \
  EXPORTER_ADDRESS=127.0.0.1:10789
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY docs/runbooks ./docs/runbooks
COPY docker/healthcheck.ts docker/make-secrets.ts ./docker/
RUN install -d -o node -g node -m 0700 /var/lib/openclaw-gateway-exporter
USER node
EXPOSE 10789
HEALTHCHECK --interval=30s --timeout=6s --start-period=30s --retries=3 CMD ["node", "docker/healthcheck.ts"]
ENTRYPOINT ["node", "dist/launch.js"]
CMD ["--storage.path=/var/lib/openclaw-gateway-exporter"]
