import './steps/node-version.mjs';
import { build } from './steps/build.mjs';
import { ensureDependencies } from './steps/dependencies.mjs';
import { main } from './steps/progress.mjs';
import { alone } from './steps/setup.mjs';
import { listenForStop } from './steps/stopping.mjs';

await main(async () => {
  const signal = listenForStop();
  await alone(async () => {
    await ensureDependencies({ signal });
    await build({ signal });
  }, signal);
});
