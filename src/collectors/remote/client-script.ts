/*
 * What a remote host's shell and Node.js are given to read on standard input. Nothing of it is kept there.
 * `SHELL_HEAD` opens a here-document that holds the JSON5 parser and `READER`, and `SHELL_TAIL` closes it.
 */

/**
 * Finds Node.js where an installer may have put it: the search path of a login over SSH is
 * often shorter than a terminal's.
 */
export const SHELL_HEAD = String.raw`
say() { printf 'openclaw-exporter:{"state":"%s"}\n' "$1"; exit 0; }
node=$(command -v node 2>/dev/null)
if [ -z "$node" ]; then
  for one in "$HOME/.local/bin/node" "$HOME/.openclaw/tools/node/bin/node" /opt/homebrew/bin/node /usr/local/bin/node \
    /opt/homebrew/opt/node@24/bin/node /opt/homebrew/opt/node@22/bin/node \
    "$HOME"/.nvm/versions/node/*/bin/node "$HOME"/.local/share/fnm/node-versions/*/installation/bin/node \
    "$HOME/.volta/bin/node" "$HOME/.asdf/shims/node" "$HOME/.local/share/mise/shims/node" /snap/bin/node; do
    if [ -x "$one" ]; then node=$one; fi
  done
fi
[ -n "$node" ] || say no_node
exec "$node" - "$nonce" "$kind" <<'OPENCLAW_EXPORTER_END'`;

/** Ends the program that {@link SHELL_HEAD} begins. */
export const SHELL_TAIL = 'OPENCLAW_EXPORTER_END\n';

/**
 * Finds openclaw.json as the client there does, reads `gateway.remote.token` (or `password`) and prints its
 * keyed digest. A program of its own for the other end: it knows nothing of this one, needs Node.js 12,
 * prints no value and writes nothing.
 */
export const READER = String.raw`
;(() => {
  const JSON5 = module.exports;
  const { createHmac } = require('crypto');
  const { existsSync, readFileSync } = require('fs');
  const { dirname, join, resolve } = require('path');
  const say = (answer) => { process.stdout.write('\nopenclaw-exporter:' + JSON.stringify(answer) + '\n'); };
  const [nonce, kind] = process.argv.slice(2);
  const object = (value) => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {});
  const blank = (value) => typeof value !== 'string' || ['', 'undefined', 'null'].includes(value.trim());
  const setting = (name) => (blank(process.env[name]) ? undefined : process.env[name].trim());
  const expandHome = (path, to) => (path === '~' || path.startsWith('~/') ? join(to, path.slice(1)) : path);
  const osHome = setting('HOME') || require('os').homedir();
  const home = setting('OPENCLAW_HOME') ? resolve(expandHome(setting('OPENCLAW_HOME'), osHome)) : osHome;
  const profile = setting('OPENCLAW_PROFILE');
  const profileFolder = profile && profile !== 'default' && /^[\w.-]+$/.test(profile) ? '~/.openclaw-' + profile : undefined;
  const named = setting('OPENCLAW_STATE_DIR') || profileFolder;
  const folders = named ? [resolve(expandHome(named, home))] : [join(home, '.openclaw'), join(home, '.clawdbot')];
  const namedConfig = setting('OPENCLAW_CONFIG_PATH');
  const candidates = [].concat(...folders.map((one) => [join(one, 'openclaw.json'), join(one, 'clawdbot.json')]));
  const configPath = namedConfig ? resolve(expandHome(namedConfig, home)) : candidates.find(existsSync);
  if (!configPath || !existsSync(configPath)) return say({ state: 'no_openclaw' });

  class Unreadable extends Error {}
  const read = (path) => {
    try { return readFileSync(path, 'utf8'); } catch (error) { throw new Unreadable(); }
  };
  const merge = (before, after) => {
    if (Array.isArray(before) && Array.isArray(after)) return before.concat(after);
    if (object(before) !== before || object(after) !== after) return after;
    const merged = Object.assign({}, before);
    for (const key of Object.keys(after)) merged[key] = key in merged ? merge(merged[key], after[key]) : after[key];
    return merged;
  };
  const load = (path, depth) => {
    if (depth > 10) throw new Unreadable();
    return expand(JSON5.parse(read(path)), path, depth);
  };
  const expand = (value, path, depth) => {
    if (Array.isArray(value)) return value.map((one) => expand(one, path, depth));
    if (object(value) !== value) return value;
    const rest = {};
    for (const key of Object.keys(value)) {
      if (key !== '$include' && key !== '__proto__') rest[key] = expand(value[key], path, depth);
    }
    if (!('$include' in value)) return rest;
    const names = [].concat(value.$include);
    const loaded = names.map((name) => load(resolve(dirname(path), String(name)), depth + 1));
    return merge(loaded.reduce(merge), rest);
  };
  let config;
  try {
    config = object(load(configPath, 0));
  } catch (error) {
    return say({ state: error instanceof Unreadable ? 'unreadable' : 'broken' });
  }

  const unquote = (text) => {
    const quoted = /^(["'\x60])([\s\S]*)\1/.exec(text);
    return quoted ? quoted[2] : text.replace(/\s+#.*$/, '').trim();
  };
  const dotenv = (path) => {
    const found = {};
    if (!existsSync(path)) return found;
    for (const line of read(path).split(/\r?\n/)) {
      const pair = /^\s*(?:export\s+)?([\w.-]+)\s*=\s*(.*)$/.exec(line);
      if (pair) found[pair[1]] = unquote(pair[2].trim());
    }
    return found;
  };
  const gateway = object(config.gateway);
  const configEnv = Object.assign({}, object(config.env), object(object(config.env).vars));
  let env;
  try {
    const dotenvFolder = named || !namedConfig ? folders.find(existsSync) || folders[0] : dirname(configPath);
    const gatewayEnv = join(home, '.config', 'openclaw', 'gateway.env');
    env = Object.assign(configEnv, dotenv(gatewayEnv), dotenv(join(dotenvFolder, '.env')), process.env);
  } catch (error) {
    return say({ state: 'unreadable' });
  }

  const input = object(gateway.remote)[kind];
  const fromEnv = (name) => (blank(env[name]) ? undefined : env[name].trim());
  const unresolved = Symbol('unresolved');
  const textOf = () => {
    if (input === undefined || input === null) return undefined;
    if (typeof input === 'object') return (input.source === 'env' && fromEnv(String(input.id))) || unresolved;
    if (typeof input !== 'string') return unresolved;
    const variable = /^\$\{?([A-Z][A-Z0-9_]{0,127})\}?$/.exec(input.trim());
    if (variable) return fromEnv(variable[1]) || unresolved;
    let missing = false;
    const text = input.replace(/\$(\$?)\{([A-Z_][A-Z0-9_]*)\}/g, (whole, escaping, name) => {
      if (escaping) return '\${' + name + '}';
      if (!env[name]) missing = true;
      return env[name] || whole;
    });
    if (missing) return unresolved;
    return blank(text) ? undefined : text.trim();
  };
  const token = textOf();
  if (token === undefined) return say({ state: 'none' });
  if (token === unresolved) return say({ state: 'unresolved' });
  const message = 'openclaw-gateway-exporter remote token 1\n' + nonce;
  say({ state: 'held', digest: createHmac('sha256', token).update(message).digest('hex') });
})();`;
