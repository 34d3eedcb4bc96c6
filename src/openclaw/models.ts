import { z } from 'zod';

/** Models that agents use where a job names none, as openclaw.json has them: `provider/model`, or an alias. */
export interface ConfiguredModels {
  /** `agents.defaults.model`; undefined where it is not set. */
  readonly byDefault: string | undefined;
  /** Models of agents that have one of their own, by the agent's id. */
  readonly byAgent: ReadonlyMap<string, string>;
}

/** A model is a name, or an object with the name as `primary`. Source: OpenClaw's docs/concepts/models. */
const model = z
  .union([z.string(), z.looseObject({ primary: z.string() }).transform(({ primary }) => primary)])
  .optional()
  .catch(undefined);
const agent = z.looseObject({ id: z.string(), model }).optional().catch(undefined);

/** `agents` of openclaw.json: the model of each, and nothing else of them. */
export const configuredModels = z
  .looseObject({
    defaults: z.looseObject({ model }).optional().catch(undefined),
    list: z.array(agent).optional().catch(undefined),
  })
  .transform(
    ({ defaults, list = [] }): ConfiguredModels => ({
      byDefault: defaults?.model,
      byAgent: new Map(list.flatMap((one) => (one?.model === undefined ? [] : [[one.id, one.model]]))),
    }),
  )
  .optional()
  .catch(undefined);
