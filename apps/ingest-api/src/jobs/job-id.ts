import { type Id, Problem } from '@app/domain';

/** A job's id in a path. Throws {@link Problem} `not-found` for a text that no job can have. */
export function jobId(text: string): Id {
  if (!/^[1-9]\d{0,18}$/.test(text)) throw new Problem('not-found', 'there is no such job');
  return text;
}
