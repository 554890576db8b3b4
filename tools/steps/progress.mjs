import { Problem } from './problem.mjs';

/** A terminal gets a line that moves; a pipe or a build server gets plain lines. */
const fancy = process.stdout.isTTY && !process.env.CI && process.env.TERM !== 'dumb';
const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const stillEveryMs = 15_000;

const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

export function say(text = '') {
  if (fancy) process.stdout.write('\r\u001B[2K');
  console.log(text);
}

/** Runs `work`, showing that it is under way; `work` gets a function to show a detail with. */
export async function step(title, work) {
  const since = Date.now();
  let detail = '';
  const timer = fancy
    ? setInterval(() => {
        const frame = frames[Math.floor((Date.now() - since) / 100) % frames.length];
        const line = `${frame} ${title} (${Math.floor((Date.now() - since) / 1000)} s) ${detail}`;
        process.stdout.write(`\r\u001B[2K${line.slice(0, (process.stdout.columns ?? 80) - 1)}`);
      }, 100)
    : setInterval(() => console.log(`  … ${title}, ${Math.floor((Date.now() - since) / 1000)} s${detail && `: ${detail}`}`), stillEveryMs);
  if (!fancy) console.log(`• ${title}`);
  try {
    const result = await work((text) => {
      detail = text;
    });
    if (fancy) say(`✓ ${title} (${seconds(since)})`);
    else if (Date.now() - since > 1000) console.log(`  done in ${seconds(since)}`);
    return result;
  } finally {
    clearInterval(timer);
    if (fancy) process.stdout.write('\r\u001B[2K');
  }
}

/** The outermost frame of a tool: a Problem is told as it is, anything else with its stack. */
export async function main(run) {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    });
  }
  try {
    process.exitCode = (await run()) ?? process.exitCode ?? 0;
  } catch (error) {
    if (error instanceof Problem) {
      process.exitCode = error.exitCode;
      if (error.exitCode !== 0) console.error(`✗ ${error.message}`);
    } else {
      process.exitCode = 1;
      console.error(error);
    }
  }
}
