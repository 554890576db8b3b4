import { getMetadataStorage } from 'class-validator';

/** What the OpenAPI plugin makes of a property or a parameter. */
interface Described {
  type?: unknown;
  format?: string;
}

/**
 * Says in the schemas of fields and parameters what the plugin that reads the classes does not know: which numbers are whole (`@IsInt`) and which texts are
 * times (`@IsRFC3339`). A field counts by its name when it is checked alike wherever it stands.
 */
export function checkedForms(): (name: string, schema: object) => void {
  const [whole, times] = [namesChecked('isInt', 'isNumber'), namesChecked('isRFC3339', 'isString')];
  return (name, schema: Described) => {
    if (whole.has(name)) makeWhole(schema);
    if (times.has(name)) schema.format = 'date-time';
  };
}

/** Names of fields that have this check and never the other. */
function namesChecked(check: string, never: string): ReadonlySet<string> {
  const classes: unknown = Reflect.get(getMetadataStorage(), 'validationMetadatas');
  if (!(classes instanceof Map)) throw new Error('class-validator keeps its checks elsewhere');
  const checks = [...(classes.values() as Iterable<readonly { name?: string; propertyName: string }[]>)].flat();
  const having = (wanted: string): Set<string> =>
    new Set(checks.flatMap(({ name, propertyName }) => (name === wanted ? [propertyName] : [])));
  const excluded = having(never);
  return new Set([...having(check)].filter((name) => !excluded.has(name)));
}

/** `number` becomes `integer`, alone or beside `null`. */
function makeWhole(schema: Described): void {
  if (schema.type === 'number') schema.type = 'integer';
  else if (Array.isArray(schema.type)) schema.type = schema.type.map((type: unknown) => (type === 'number' ? 'integer' : type));
}
