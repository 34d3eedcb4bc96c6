import { renderQuery } from './promql.ts';
import { STATE } from './signals.ts';
import type { Thresholds } from './thresholds.ts';

export const CHECK_CONFIG =
  'openclaw doctor, and openclaw gateway status --deep: token and configuration may keep it from starting';
/** For a gateway whose process runs and does not work. */
export const READ_LOGS =
  'openclaw gateway status --deep, openclaw logs --limit 100 --plain: what it was doing last; openclaw doctor for the configuration';
/** The last step of the ladder, as the runbooks have it. */
export const FULL =
  'full restart: sudo systemctl restart openclaw-gateway or systemctl --user restart openclaw-gateway; macOS: launchctl kickstart -k gui/$UID/ai.openclaw.gateway; in a terminal: end the gateway where it was started (Ctrl+C, else close it), then openclaw gateway run';
const NETWORK =
  "check the network first: is the gateway's machine on, tailscale status, ping, firewall; restarting the gateway does not help";
const FORWARDER =
  'a forwarder (a tunnel, docker-proxy, nginx) stands before the gateway: check it, start it again if it is gone, then check the gateway behind it; do not start a gateway on this machine';

/** A step for a gateway that does not answer, unless its state or what holds its port asks for another. */
export function stepByState(t: Thresholds, step: string): string {
  const forwarder = renderQuery(
    t,
    "openclaw_gateway_port_holder{holder=~'forwarder|forwarder_gone', @} == 1",
  );
  const unreachable = renderQuery(t, `${STATE}{state='unreachable', @} == 1`);
  return `{{ with ${forwarder} }}${FORWARDER}{{ else }}{{ with ${unreachable} }}${NETWORK}{{ else }}${step}{{ end }}{{ end }}`;
}
