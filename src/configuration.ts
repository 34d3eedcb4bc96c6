import type { Flags } from './cli/flags.ts';
import { type ConfigOutcome, defaultConfig, loadConfigFile } from './config/load.ts';
import { checkWebConfig } from './web/server.ts';
import { WebConfigFile } from './web/web-config.ts';

/** The configuration file's content, or the defaults where none is named; invalid where the web configuration is. */
export function loadConfiguration(flags: Flags): ConfigOutcome {
  const loaded: ConfigOutcome =
    flags.configFile === undefined
      ? { state: 'valid', config: defaultConfig() }
      : loadConfigFile(flags.configFile);
  const file = new WebConfigFile(flags.webConfigFile);
  const web = checkWebConfig(file, flags.listen, flags.allowUnauthenticatedRemote);
  if (web.state === 'valid') return loaded;
  const problems = loaded.state === 'invalid' ? loaded.problems : [];
  return { state: 'invalid', problems: [...problems, ...web.problems] };
}
