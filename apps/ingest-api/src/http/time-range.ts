/** The ends of a range of time as a request gives them. */
export const timeRange = ({ from, to }: { from?: string | null; to?: string | null }): { from?: Date; to?: Date } => ({
  ...(from ? { from: new Date(from) } : {}),
  ...(to ? { to: new Date(to) } : {}),
});
