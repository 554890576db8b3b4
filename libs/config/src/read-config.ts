import { readFileSync } from 'node:fs';
import { types } from 'node:util';

export type Environment = Readonly<Record<string, string | undefined>>;

/** One variable: how its text becomes a value. `parse` throws an Error whose message completes 'NAME must be …'. */
export type Setting<Value> = {
  readonly name: string;
  /** A secret may come from the file that `NAME_FILE` names, and is never repeated in a problem. */
  readonly secret: boolean;
  /** Words for the limit, as in docs/configuration.md. */
  readonly limit: string;
  readonly parse: (text: string) => Value;
  /** Text to parse when the variable is not set. */
  readonly fallback?: string;
  /** A value when it is neither set nor has a fallback; without it the variable is required. */
  readonly absent?: { readonly value: Value };
};

export type Settings<Config> = { readonly [Key in keyof Config]: Setting<Config[Key]> };

/** The environment is wrong. `problems` has a line for each variable that is, naming it and its limit. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly string[]) {
    super(`the configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}: ${problems.join('; ')}`);
  }
}

/** Reads every setting, or throws {@link ConfigError} with all problems. An empty variable counts as not set. */
export function readConfig<Config extends object>(settings: Settings<Config>, env: Environment): Readonly<Config> {
  const problems: string[] = [];
  const config: Partial<Config> = {};
  for (const key in settings) {
    const setting = settings[key];
    try {
      config[key] = readSetting(setting, env);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (isComplete(config, problems)) return Object.freeze(config);
  throw new ConfigError(problems);
}

const isComplete = <Config>(_config: Partial<Config>, problems: readonly string[]): _config is Config => problems.length === 0;

function readSetting<Value>(setting: Setting<Value>, env: Environment): Value {
  const { name, limit, secret } = setting;
  const text = (secret ? readText(name, env) : env[name]) || setting.fallback;
  if (text === undefined) {
    if (setting.absent) return setting.absent.value;
    throw new Error(`${name} is required: ${limit}${secret ? `, or a file of it in ${name}_FILE` : ''}`);
  }
  try {
    return setting.parse(text);
  } catch (error) {
    const reason = error instanceof Error && error.message !== '' ? ` (${error.message})` : '';
    throw new Error(`${name} must be ${limit}${secret ? '' : `, not ${JSON.stringify(text.slice(0, 80))}`}${reason}`, { cause: error });
  }
}

function readText(name: string, env: Environment): string | undefined {
  const path = env[`${name}_FILE`];
  if (!path) return env[name];
  if (env[name]) throw new Error(`${name} and ${name}_FILE must not both be set`);
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const code = types.isNativeError(error) && 'code' in error ? ` (${String(error.code)})` : '';
    throw new Error(`${name}_FILE must be the path of a readable file${code}`, { cause: error });
  }
}
