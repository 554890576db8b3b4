/** Something that the leading scheduler does again and again, and that may safely be done twice. */
export interface Duty {
  readonly name: string;
  /** At most this often, in ms. */
  readonly everyMs: number;
  /** Does what there is to do now and answers how much it repaired. */
  doOnce(): Promise<number>;
}
