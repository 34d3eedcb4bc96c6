/*
 * The closed lists of values that labels, states and verdicts take: one home for the exporter, the rules and
 * the dashboards. Order matters where a comment says so.
 */

/**
 * The layers of a gateway that fail independently, from the first to break to the
 * last; the order of every display.
 */
export const LAYERS = ['process', 'answers', 'token', 'cron', 'network'] as const;
/** One of {@link LAYERS}. */
export type Layer = (typeof LAYERS)[number];

/** Label values of `openclaw_exporter_collector_runs_total`. */
export const RUN_RESULTS = ['ok', 'error', 'timeout'] as const;
/** How a run of a collector ended. */
export type RunResult = (typeof RUN_RESULTS)[number];

/** Values of `module` in `/probe`. */
export const PROBE_MODULES = ['gateway', 'ssh'] as const;
/** What can be probed of a target that the configuration names. */
export type ProbeModuleName = (typeof PROBE_MODULES)[number];

/** Label values of `openclaw_exporter_probes_total`. */
export const PROBE_RESULTS = ['success', 'failure', 'busy', 'blind'] as const;
/** How a probe that `/probe` was asked for ended. */
export type ProbeResult = (typeof PROBE_RESULTS)[number];

/** The gateway's states in the order in which they are decided: the first that holds is the state. */
export const GATEWAY_STATES = [
  'unreachable',
  'refused',
  'foreign',
  'draining',
  'starting',
  'hung',
  'up',
] as const;
/** A label value of `openclaw_gateway_state`. */
export type GatewayState = (typeof GATEWAY_STATES)[number];

/** The label values of `openclaw_gateway_pings_total`. */
export const PING_RESULTS = ['ok', 'timeout', 'refused', 'unreachable', 'foreign', 'other'] as const;
/** A label value of `openclaw_gateway_pings_total`. */
export type PingResult = (typeof PING_RESULTS)[number];

/** A process' state as `ps` shows it; the label values of `openclaw_gateway_process_state`. */
export const PROCESS_STATES = ['running', 'sleeping', 'disk', 'stopped', 'zombie', 'other'] as const;
/** A label value of `openclaw_gateway_process_state`. */
export type ProcessState = (typeof PROCESS_STATES)[number];

/**
 * What holds the gateway's port; the label values of `openclaw_gateway_port_holder`. `forwarder_gone`: nothing holds it,
 * and a tunnel or proxy to the gateway did before, or should.
 */
export const PORT_HOLDERS = ['gateway', 'none', 'forwarder', 'forwarder_gone', 'other'] as const;
/** A label value of `openclaw_gateway_port_holder`. */
export type HolderKind = (typeof PORT_HOLDERS)[number];

/** What runs below a gateway; the label values of `openclaw_gateway_children`. */
export const CHILD_KINDS = ['mcp', 'browser', 'command', 'agent_cli', 'other'] as const;
/** A label value of `openclaw_gateway_children`. */
export type ChildKind = (typeof CHILD_KINDS)[number];

/** The label values of `openclaw_gateway_auth_attempts_total`. */
export const AUTH_RESULTS = [
  'ok',
  'token_mismatch',
  'device_token_mismatch',
  'scope_mismatch',
  'pairing_required',
  'rate_limited',
  'protocol_mismatch',
  'timeout',
  'other',
] as const;
/** A label value of `openclaw_gateway_auth_attempts_total`. */
export type AuthResult = (typeof AUTH_RESULTS)[number];

/** Label values of `openclaw_channel_state`. */
export const CHANNEL_STATES = [
  'ready',
  'starting',
  'blocked',
  'recovering',
  'not_configured',
  'disabled',
  'missing',
  'other',
] as const;
/** How an account of a channel is; one of {@link CHANNEL_STATES}. */
export type ChannelState = (typeof CHANNEL_STATES)[number];

/** Label values of `openclaw_gateway_boots_total`: how the boot before ended. */
export const BOOT_REASONS = [
  'first',
  'clean_stop',
  'planned_restart',
  'config_restart',
  'unclean',
  'forced_stop',
  'startup_failed',
  'crash_loop_breaker',
  'other',
] as const;
/** One of {@link BOOT_REASONS}. */
export type BootReason = (typeof BOOT_REASONS)[number];

/** Reasons of a failed run that name the provider of its model; values of `reason` in `openclaw_cron_last_error_info`. */
export const PROVIDER_REASONS = [
  'auth',
  'auth_permanent',
  'billing',
  'rate_limit',
  'overloaded',
  'server_error',
  'timeout',
  'tls_certificate',
  'model_not_found',
] as const;
/** One of {@link PROVIDER_REASONS}. */
export type ProviderReason = (typeof PROVIDER_REASONS)[number];

/** Label values of `openclaw_gateway_last_update_status`: how the last update of OpenClaw ended. */
export const UPDATE_STATUSES = ['succeeded', 'failed', 'rolled_back', 'skipped', 'other'] as const;
/** One of {@link UPDATE_STATUSES}. */
export type UpdateStatus = (typeof UPDATE_STATUSES)[number];
