import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { apps, mainOf, root } from './paths.mjs';
import { Problem } from './problem.mjs';
import { run, tail } from './processes.mjs';
import { step } from './progress.mjs';

const dist = path.join(root, 'dist');
const stamp = path.join(dist, '.stamp');

/** Builds when a source changed since the last build, by content. */
export async function ensureBuilt({ signal } = {}) {
  const sources = hashOfSources();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources && missing().length === 0) return;
  await build({ signal });
}

/** One run of the compiler makes all three apps and the libraries, into a clean dist/. */
export async function build({ signal } = {}) {
  const sources = hashOfSources();
  await step('Building', async () => {
    rmSync(dist, { recursive: true, force: true });
    const nest = path.join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
    await run(process.execPath, [nest, 'build', apps[0]], { signal, title: 'The build', explain: (output) => tail(output, 200) });
  });
  if (missing().length > 0) throw new Problem(`The build did not make ${missing().join(', ')}`);
  writeFileSync(stamp, sources);
}

const missing = () => apps.map(mainOf).filter((file) => !existsSync(file));

function hashOfSources() {
  const hash = createHash('sha256');
  for (const file of sourceFiles())
    hash
      .update(`${file}\0`)
      .update(readFileSync(path.join(root, file)))
      .update('\0');
  return hash.digest('hex');
}

function sourceFiles() {
  const beside = ['package-lock.json', 'nest-cli.json', 'tsconfig.json', 'tsconfig.build.json'];
  const inside = ['apps', 'libs'].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.spec.ts'))
      .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name))),
  );
  return [...beside.filter((file) => existsSync(path.join(root, file))), ...inside.toSorted((a, b) => (a < b ? -1 : 1))];
}
