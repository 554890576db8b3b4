import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Shell blocks of a page that call the API. */
export const examplesOf = (page: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/^```(?:sh|bash)\n(.*?)^```$/gms)]
    .map(([, code = '']) => code)
    .filter((code) => /\bcurl\b.*(?:\$\{?POSTHORN|\$CONSUMER|127\.0\.0\.1:8080)|^ *api /m.test(code.replaceAll('\\\n', ' ')));

/** What stands in place of what a reader has to put in. */
export interface Settings {
  url: string;
  key: string;
  /** Between angle brackets on the page, such as `<receipt>`; `message` and `job` also where a path has an id. */
  given: Readonly<Record<string, string>>;
  /** Where the files are that an example reads. */
  folder: string;
}

export interface Ran {
  /** What curl was told, and the status that came back. */
  calls: { words: string; status: number }[];
  exit: number;
  output: string;
}

/** `curl` as on the page, with a note of every answer on another descriptor. */
const CURL = `
curl() {
  local answer status
  answer=$(command curl -sS --max-time 40 -w '\\n%{http_code}' "$@") || return
  status=\${answer##*$'\\n'}
  printf '%s\\t%s\\n' "$status" "\${*//[$'\\n\\t']/ }" >> calls.txt
  printf '%s\\n' "\${answer%$'\\n'*}"
}
`;

/** Runs the blocks of a page one after the other in one shell, which stops at the first command that fails. */
export function run(blocks: readonly string[], { url, key, given, folder }: Settings): Promise<Ran> {
  const script = blocks
    .join('\n')
    .replaceAll(/http:\/\/(?:127\.0\.0\.1|localhost):8080/g, url)
    .replaceAll('<admin key>', key)
    .replaceAll(/\/(message|job)s\/\d{15,20}/g, (all, thing: string) => (given[thing] ? `/${thing}s/${given[thing]}` : all))
    .replaceAll(/<([a-z][a-z ]*)>/g, (all, name: string) => given[name] ?? all);
  const text = `set -eu -o pipefail\n: > calls.txt\n${CURL}\n${script}`;
  const env = { PATH: process.env['PATH'], POSTHORN: url, KEY: key, CONSUMER: `${url}/v1/channels/orders/consumers/billing` };
  return new Promise((resolve) => {
    execFile('bash', ['--norc', '-c', text], { cwd: folder, env, timeout: 120_000 }, (error, output, errors) => {
      const lines = readFileSync(`${folder}/calls.txt`, 'utf8').split('\n');
      const calls = lines.slice(0, -1).map((line) => ({ status: Number(line.split('\t', 1)[0]), words: line.slice(4) }));
      resolve({ calls, exit: error ? Number(error.code ?? 1) : 0, output: output + errors });
    });
  });
}
