import { jest } from '@jest/globals';
import { readOptions } from './start-options.mjs';

it('starts with the demo consumer unless it is told not to', () => {
  expect(readOptions([])).toEqual({ demo: true });
  expect(readOptions(['--no-demo'])).toEqual({ demo: false });
});

it('starts nothing when it is asked for help, or for what it does not know', () => {
  const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
  expect(readOptions(['--help'])).toBeUndefined();
  expect(log).toHaveBeenCalledWith(expect.stringContaining('--no-demo'));
  log.mockRestore();
  expect(() => readOptions(['--dispatchers', '2'])).toThrow(/'--dispatchers'.*npm start/s);
  expect(() => readOptions(['demo'])).toThrow(/npm start/);
});
