import { steps } from './mappings.ts';
import { lines, stat } from './panels.ts';
import { HERE, maxHere } from './queries.ts';

const BUDGET = 'instance_slo:openclaw_slo_error_budget:remaining';
const FAILED = 'instance:openclaw_gateway_pings_failed:ratio_';
/** Share of pings that may fail. */
const ALLOWED = 'on () group_left () (1 - max(slo:openclaw_slo_objective:ratio{slo="availability"}))';

/** What is promised, what was kept of it, and how fast the rest is spent. */
export function objectivePanels() {
  return [available(), budgets(), remaining(), burn()];
}

function available() {
  return stat(
    {
      title: 'Availability',
      description:
        'Share of pings that the gateway answered in the last 30 days. Minutes without a ping and declared maintenance are unmeasured, not good. The objective is the threshold slo_availability of the rules. Empty until most of two hours was measured.',
      width: 6,
      height: 6,
      queries: [
        { expr: `1 - (1 - max by (instance) (${BUDGET}{slo="availability", ${HERE}})) * ${ALLOWED}` },
      ],
    },
    { unit: 'percentunit', decimals: 3 },
  );
}

function budgets() {
  return stat(
    {
      title: 'Error budgets left',
      description:
        'What may still fail of 30 days: all of it at 100 %, none at 0 %. Success and punctuality of cron jobs are judged from 20 runs on, and are empty before.',
      width: 18,
      height: 6,
      queries: [{ expr: maxHere(BUDGET, 'slo'), legend: '{{slo}}' }],
    },
    {
      unit: 'percentunit',
      decimals: 1,
      states: steps('bad', [0, 'warn'], [0.25, 'good']),
      showNames: true,
    },
  );
}

function remaining() {
  return lines(
    {
      title: 'Error budgets over time',
      description:
        'A budget that falls steadily is spent by something that never lasts long enough to page. Empty until it could be judged.',
      width: 12,
      queries: [{ expr: maxHere(BUDGET, 'slo'), legend: '{{slo}}' }],
    },
    { unit: 'percentunit', axis: 'left' },
  );
}

function burn() {
  const rate = (window: string) => `${maxHere(`${FAILED}${window}`)} / ${ALLOWED}`;
  return lines(
    {
      title: 'Burn rate of availability',
      description:
        'How many times faster than allowed the budget is spent: at 1 it lasts exactly 30 days. Alerts compare a long window with a short one: 14.4 over 1 h, 6 over 6 h, 3 over a day.',
      width: 12,
      queries: ['1h', '6h', '1d'].map((window) => ({ expr: rate(window), legend: window })),
    },
    {
      unit: 'short',
      axis: 'times',
      min: 0,
      series: [
        { name: '6h', style: 'dashed' },
        { name: '1d', style: 'dotted' },
      ],
    },
  );
}
