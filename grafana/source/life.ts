import { BOOT_REASONS } from '../../src/lib/vocabulary.ts';
import { words, YES_NO } from './mappings.ts';
import { lines, timeline } from './panels.ts';
import { HERE, maxHere } from './queries.ts';

/** What the gateway works with: its channels and its credentials. */
export function workPanels() {
  return [channels(), credentials(), expiries()];
}

/** How the gateway lives: boots, versions and what may differ between them. */
export function lifePanels() {
  return [boots(), modes()];
}

const half = { width: 12, height: 6 };

function channels() {
  return timeline(
    {
      ...half,
      title: 'Channels connected',
      description:
        'Whether each configured account is connected; without cron.api each channel, by what /readyz reports. A disabled account is not shown. Empty where no channel is configured.',
      queries: [
        {
          expr: `max by (instance, channel, account) (openclaw_channel_up{${HERE}}) unless on (instance, channel, account) max by (instance, channel, account) (openclaw_channel_state{state="disabled", ${HERE}}) == 1`,
          legend: '{{channel}} {{account}}',
        },
      ],
    },
    YES_NO,
  );
}

function credentials() {
  return timeline(
    {
      ...half,
      title: 'Model credentials suspended',
      description:
        'Whether the gateway has suspended a stored credential for a model provider after failures. Empty where credentials are not in its store.',
      queries: [
        {
          expr: `max by (instance, provider, kind) (openclaw_provider_credential_cooldown{${HERE}})`,
          legend: '{{provider}} {{kind}}',
        },
      ],
    },
    words([0, 'in use', 'good'], [1, 'suspended', 'warn']),
  );
}

function expiries() {
  return lines(
    {
      title: 'Time until model credentials expire',
      description:
        'Of credentials that nothing refreshes, the earliest for each provider; below zero they have expired. Empty where none expires.',
      width: 24,
      queries: [
        {
          expr: `min by (instance, provider, kind) (openclaw_provider_credential_expiry_timestamp_seconds{${HERE}}) - time()`,
          legend: '{{provider}} {{kind}}',
        },
      ],
    },
    { unit: 's', axis: 'left' },
  );
}

function boots() {
  return lines(
    {
      title: 'Boots by how the one before ended',
      description: `Boots in the last hour by reason, of ${BOOT_REASONS.length} possible ones; reasons without a boot are not shown. Empty before 2026.7, which keeps no record.`,
      width: 12,
      queries: [
        {
          expr: `sum by (instance, reason) (increase(openclaw_gateway_boots_total{${HERE}}[1h])) > 0`,
          legend: '{{reason}}',
        },
      ],
    },
    { unit: 'short', axis: 'boots', min: 0 },
  );
}

function modes() {
  return timeline(
    {
      ...half,
      title: 'Safe mode, version skew and updates',
      description:
        'Whether the gateway runs without channels after a crash loop, runs another version than the installed one, and whether an update is under way. What a version does not tell is missing.',
      queries: [
        { expr: maxHere('openclaw_gateway_safe_mode'), legend: 'safe mode' },
        { expr: maxHere('openclaw_gateway_version_skew'), legend: 'version skew' },
        { expr: maxHere('openclaw_gateway_update_running'), legend: 'update' },
      ],
    },
    words([0, 'no', 'good'], [1, 'yes', 'warn']),
  );
}
