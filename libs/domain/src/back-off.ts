/** How long to wait between failing tries of the same thing, ms. */
export interface BackOff {
  readonly firstMs: number;
  readonly capMs: number;
}

/**
 * Ms to wait after `failures` tries in a row have failed (1, 2, …): `firstMs`, doubling up to `capMs`, of which the second half is left to `chance`
 * (0 up to 1), so that processes that failed together do not come back together.
 */
export function backOffMs({ firstMs, capMs }: BackOff, failures: number, chance: number): number {
  const ceiling = Math.min(capMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return ceiling / 2 + (chance * ceiling) / 2;
}
