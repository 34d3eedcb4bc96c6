import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { type ProfileStore, profileSchema, usageSchema } from './profiles.ts';

/** A store holds some ten credentials; a table with more rows is something else. */
const MAX_ROWS = 500;

/** Where a database keeps credentials and their use: table, column with JSON, condition on the row. */
interface Place {
  readonly table: string;
  readonly column: string;
  readonly where: string;
}

/**
 * Of `state/openclaw.sqlite`: `config_machine_state` of 2026.9, and what 2026.7 has beside the agents' own.
 * Of an agent's `openclaw-agent.sqlite`: its own store. Which of them a database has is found by its tables.
 */
const STORES: readonly Place[] = [
  { table: 'config_machine_state', column: 'value_json', where: "state_key = 'authProfiles.store'" },
  { table: 'auth_profile_store', column: 'store_json', where: "store_key = 'primary'" },
  { table: 'auth_profile_stores', column: 'store_json', where: 'true' },
];
const STATES: readonly Place[] = [
  { table: 'config_machine_state', column: 'value_json', where: "state_key = 'authProfiles.state'" },
  { table: 'auth_profile_state', column: 'state_json', where: 'true' },
];

const keyed = z.looseObject({ key: z.string() });

/**
 * Reads the stores of a database. Nothing that holds a secret is selected: no row, no
 * key, no token leaves SQLite.
 */
export function selectProfiles(database: DatabaseSync): ProfileStore {
  const tables = new Set(
    database
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
      .all()
      .map(({ name }) => name),
  );
  const select = <T>(places: readonly Place[], toSql: (place: Place) => string, schema: z.ZodType<T>) =>
    new Map(
      places
        .filter(({ table }) => tables.has(table))
        .flatMap((place) => database.prepare(toSql(place)).all())
        .flatMap((row): [string, T][] => {
          const [named, value] = [keyed.safeParse(row), schema.safeParse(omitNulls(row))];
          return named.success && value.success ? [[named.data.key, value.data]] : [];
        }),
    );
  return {
    profiles: select(STORES, profilesSql, profileSchema),
    usage: select(STATES, usageSql, usageSchema),
  };
}

/** JSON that is damaged counts as an empty store: SQLite would refuse the whole query for it. */
function eachOf({ table, column, where }: Place, path: string): string {
  const json = `CASE WHEN json_valid(s.${column}) THEN s.${column} ELSE '{}' END`;
  return `FROM ${table} s, json_each(${json}, '${path}') p WHERE ${where} AND p.type = 'object' LIMIT ${MAX_ROWS}`;
}

function profilesSql(place: Place): string {
  const columns = [
    'p.key AS key',
    "json_extract(p.value, '$.provider') AS provider",
    "json_extract(p.value, '$.type') AS kind",
    "json_extract(p.value, '$.expires') AS expiresMs",
    "json_type(p.value, '$.refresh') IS NOT NULL AS isRefreshable",
  ];
  return `SELECT ${columns.join(', ')} ${eachOf(place, '$.profiles')}`;
}

function usageSql(place: Place): string {
  const names = Object.keys(usageSchema.shape);
  const columns = names.map((name) => `json_extract(p.value, '$.${name}') AS ${name}`);
  return `SELECT p.key AS key, ${columns.join(', ')} ${eachOf(place, '$.usageStats')}`;
}

function omitNulls(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}
