import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** What a verifier is given: the key and what came. */
export interface Given {
  key: string;
  id: string;
  timestamp: string;
  signatures: string;
  body: Buffer;
}

/** The fenced block of a page whose first line names this file. */
export function snippet(page: string, file: string): string {
  const text = readFileSync(page, 'utf8');
  const found = [...text.matchAll(/^```\w+\n(.*?)^```$/gms)]
    .map(([, code]) => code!)
    .filter((code) => code.split('\n', 1)[0]!.includes(file));
  if (found.length !== 1) throw new Error(`${page} has ${found.length} blocks for ${file}`);
  return found[0]!;
}

/** A language: where the page's code goes, and a program around it that answers `true` or `false` for each line of tab-separated fields on its input. */
export interface Language {
  name: string;
  /** The block of the page, by the file that it names. */
  file: string;
  /** Where that is put, when not under its own name. */
  at?: string;
  program: Record<string, string>;
  /** Each is run in turn; the last one is given the lines. */
  commands: string[][];
  /** Ends with 0 where the language is there. */
  needs: string[];
}

const NODE = `import { createInterface } from 'node:readline';
for await (const line of createInterface({ input: process.stdin })) {
  const [key, id, timestamp, signatures, body] = line.split('\\t');
  console.log(verify(key, id, timestamp, signatures, Buffer.from(body, 'base64')));
}
`;
const PYTHON = `import base64, sys
for line in sys.stdin:
    *given, body = line.rstrip("\\n").split("\\t")
    print(str(verify(*given, base64.b64decode(body))).lower())
`;
const go = (verify: string): string => `package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	"example.com/receiver/webhook"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		given := strings.Split(lines.Text(), "\\t")
		body, _ := base64.StdEncoding.DecodeString(given[4])
		fmt.Println(webhook.${verify}(given[0], given[1], given[2], given[3], body))
	}
}
`;
const goModule = 'module example.com/receiver\n\ngo 1.21\n';
const JAVA = `public class Main {
  public static void main(String[] arguments) throws Exception {
    var lines = new java.io.BufferedReader(new java.io.InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] given = line.split("\\t", -1);
      System.out.println(Webhook.verify(given[0], given[1], given[2], given[3], java.util.Base64.getDecoder().decode(given[4])));
    }
  }
}
`;
const PHP = `<?php
require 'verify.php';
while (($line = fgets(STDIN)) !== false) {
    [$key, $id, $timestamp, $signatures, $body] = explode("\\t", rtrim($line, "\\n"));
    echo verify($key, $id, $timestamp, $signatures, base64_decode($body)) ? "true\\n" : "false\\n";
}
`;
const RUBY = `require_relative 'verify'
$stdin.each_line do |line|
  *given, body = line.chomp.split("\\t", -1)
  puts verify(*given, body.unpack1('m'))
end
`;
const PERL = `use lib '.';
use Webhook;
use MIME::Base64 qw(decode_base64);
while (my $line = <STDIN>) {
    chomp $line;
    my ($key, $id, $timestamp, $signatures, $body) = split /\\t/, $line, -1;
    print Webhook::verify($key, $id, $timestamp, $signatures, decode_base64($body)) ? "true\\n" : "false\\n";
}
`;
/** Tabs are white space to read, which would merge empty fields: another separator takes their place. */
const SHELL = `tr '\\t' '\\037' | while IFS=$'\\037' read -r key id timestamp signatures body; do
  if printf %s "$body" | openssl base64 -d -A | bash verify.sh "$key" "$id" "$timestamp" "$signatures"; then echo true; else echo false; fi
done
`;

const node = (file: string): Language => ({
  name: 'Node.js',
  file,
  program: { 'main.mjs': `import { verify } from './${file}';\n${NODE}` },
  commands: [[process.execPath, 'main.mjs']],
  needs: [process.execPath, '--version'],
});
const goLanguage = (file: string, verify: string): Language => ({
  name: 'Go',
  file,
  at: `webhook/${file}`,
  program: { 'main.go': go(verify), 'go.mod': goModule },
  commands: [['go', 'run', '.']],
  needs: ['go', 'version'],
});

export const secretVerifiers: readonly Language[] = [
  node('verify.mjs'),
  {
    name: 'Python',
    file: 'verify.py',
    program: { 'main.py': `from verify import verify\n${PYTHON}` },
    commands: [['python3', 'main.py']],
    needs: ['python3', '-c', 'import sys; assert sys.version_info >= (3, 9)'],
  },
  goLanguage('verify.go', 'Verify'),
  {
    name: 'Java',
    file: 'Webhook.java',
    program: { 'Main.java': JAVA },
    commands: [
      ['javac', 'Main.java', 'Webhook.java'],
      ['java', 'Main'],
    ],
    needs: ['javac', '-version'],
  },
  { name: 'PHP', file: 'verify.php', program: { 'main.php': PHP }, commands: [['php', 'main.php']], needs: ['php', '--version'] },
  {
    name: 'Ruby',
    file: 'verify.rb',
    program: { 'main.rb': RUBY },
    commands: [['ruby', 'main.rb']],
    needs: ['ruby', '-ropenssl', '-e', '1'],
  },
  {
    name: 'Perl',
    file: 'Webhook.pm',
    program: { 'main.pl': PERL },
    commands: [['perl', 'main.pl']],
    needs: ['perl', '-MDigest::SHA', '-MMIME::Base64', '-e', '1'],
  },
  {
    name: 'shell',
    file: 'verify.sh',
    program: { 'main.sh': SHELL },
    commands: [['bash', 'main.sh']],
    needs: ['bash', '-c', 'openssl version && od --version && date +%s'],
  },
];

export const publicVerifiers: readonly Language[] = [
  node('verify-v1a.mjs'),
  {
    name: 'Python',
    file: 'verify_v1a.py',
    program: { 'main.py': `from verify_v1a import verify\n${PYTHON}` },
    commands: [['python3', 'main.py']],
    needs: ['python3', '-c', 'import cryptography.hazmat.primitives.asymmetric.ed25519'],
  },
  goLanguage('verify_v1a.go', 'VerifyV1a'),
];

/** Undefined where the language is on this machine. */
export function missing({ needs: [command = '', ...words] }: Language): string | undefined {
  return spawnSync(command, words, { stdio: 'ignore' }).status === 0
    ? undefined
    : `"${[command, ...words].join(' ')}" fails on this machine`;
}

/** What the code on the page says to each request. */
export async function verdicts(page: string, language: Language, requests: readonly Given[]): Promise<boolean[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'posthorn-snippet-'));
  try {
    const { file, at = file, program, commands } = language;
    mkdirSync(path.dirname(path.join(folder, at)), { recursive: true });
    writeFileSync(path.join(folder, at), snippet(page, file));
    for (const [name, text] of Object.entries(program)) writeFileSync(path.join(folder, name), text);
    const lines = requests.map(({ key, id, timestamp, signatures, body }) =>
      [key, id, timestamp, signatures, body.toString('base64')].join('\t'),
    );
    let output = '';
    for (const command of commands) output = await run(command, folder, `${lines.join('\n')}\n`);
    return output
      .trim()
      .split('\n')
      .map((line) => {
        if (line !== 'true' && line !== 'false') throw new Error(`${language.name} says ${output}`);
        return line === 'true';
      });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run([command = '', ...words]: string[], cwd: string, input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, words, {
      cwd,
      env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod', PYTHONDONTWRITEBYTECODE: '1' },
    });
    const [output, errors]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(output).toString());
      else reject(new Error(`${command} ended with ${code}: ${Buffer.concat(errors).toString()}`));
    });
    // A compiler reads nothing.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
