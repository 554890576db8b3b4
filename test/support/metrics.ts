import type { AppProcess } from './processes.js';

/** The value of a metric of a process, summed over its labels unless `labels` (as in the text format: `duty="sweep"`) says which. */
export async function metric(process: AppProcess, name: string, labels = ''): Promise<number> {
  const text = await (await fetch(`${process.opsUrl}/metrics`)).text();
  return text
    .split('\n')
    .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Status of `/health/live` or `/health/ready`. */
export async function health(process: AppProcess, probe: 'live' | 'ready'): Promise<number> {
  const response = await fetch(`${process.opsUrl}/health/${probe}`);
  await response.arrayBuffer();
  return response.status;
}

/** What `/health/ready` finds wrong, by check. */
export async function unready(process: AppProcess): Promise<Record<string, string>> {
  const response = await fetch(`${process.opsUrl}/health/ready`);
  const { error = {} } = (await response.json()) as { error?: Record<string, { message?: string }> };
  return Object.fromEntries(Object.entries(error).map(([name, { message = '' }]) => [name, message]));
}
