import { isDeepStrictEqual } from 'node:util';

/** Names of the settings that differ from what is stored. */
export const changedFields = <Settings extends object>(stored: Settings, settings: Settings): string[] => {
  const before = new Map(Object.entries(stored));
  return Object.entries(settings).flatMap(([name, value]) => (isDeepStrictEqual(before.get(name), value) ? [] : [name]));
};
