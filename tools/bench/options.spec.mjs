import { Problem } from '../steps/problem.mjs';
import { readOptions } from './options.mjs';

const problemOf = (...args) => {
  try {
    readOptions(args);
  } catch (error) {
    if (error instanceof Problem) return error.message;
    throw error;
  }
  return undefined;
};

it('sweeps unless told otherwise', () => {
  expect(readOptions([])).toMatchObject({ mode: 'sweep', fanOuts: [1, 5, 50], payloads: [512, 65_536], dispatchers: [1, 2, 4], runs: 1 });
  expect(readOptions(['--scenario', 'neighbours'])).toMatchObject({
    mode: 'neighbours',
    healthy: 200,
    backlog: 200_000,
    runs: 3,
    rate: 20,
  });
  expect(readOptions(['--scenario', 'bare'])).toMatchObject({
    mode: 'bare',
    fanOuts: [1, 5],
    warmUpSeconds: 25,
    deliveries: 1_000_000,
    runs: 5,
  });
});

it('reads lists and drops what is named twice', () => {
  expect(readOptions(['--fan-out', '5, 1,5', '--payload=64']).fanOuts).toEqual([5, 1]);
});

it('names the option that is wrong, and its limits', () => {
  expect(problemOf('--fan-out', '1,0')).toBe('--fan-out must be a whole number, 1 to 1000');
  expect(problemOf('--payload', '63')).toBe('--payload must be a whole number, 64 to 1048576');
  expect(problemOf('--seconds', '1.5')).toBe('--seconds must be a whole number, 1 to 600');
  expect(problemOf('--only', 'speed')).toBe('--only must be throughput or latency');
  expect(problemOf('--scenario', 'rush-hour')).toBe('--scenario must be sweep or neighbours or bare');
  expect(problemOf('--scenario', 'neighbours', '--payload', '64,65')).toBe('--payload must be one number here');
  expect(problemOf('--sped', '1')).toContain("Unknown option '--sped'");
});

it('refuses an option where it means nothing', () => {
  expect(problemOf('--healthy', '5')).toBe('--healthy belongs to --scenario neighbours, not to --scenario sweep');
  expect(problemOf('--target', 'http://127.0.0.1:1/', '--dispatchers', '2')).toBe(
    '--dispatchers belongs to --scenario sweep or --scenario neighbours or --scenario bare, not to --target',
  );
});

it('reads how to speak to another broker', () => {
  const args = [
    '--target',
    'http://127.0.0.1:8080/in',
    '--header',
    'Authorization: Bearer a:b',
    '--header',
    'X-Empty:',
    '--process',
    'broker=42',
  ];
  expect(readOptions([...args, '--body', '{"payload":{payload}}']).target).toEqual({
    url: 'http://127.0.0.1:8080/in',
    headers: { Authorization: 'Bearer a:b', 'X-Empty': '' },
    body: '{"payload":{payload}}',
    processes: [{ name: 'broker', pid: 42 }],
    sinkHost: '127.0.0.1',
    sinkPort: 9900,
  });
});

it('refuses what would not be a request', () => {
  const target = ['--target', 'http://127.0.0.1/'];
  expect(problemOf('--target', 'mysql://127.0.0.1')).toBe('--target must be an http or https URL');
  expect(problemOf(...target, '--header', 'a b: c')).toBe("--header must look like 'Name: value'");
  expect(problemOf(...target, '--header', 'a: b\r\nc: d')).toBe("--header must look like 'Name: value'");
  expect(problemOf(...target, '--body', '{}')).toBe('--body must have {payload} in it, once');
  expect(problemOf(...target, '--process', 'broker')).toBe('--process must look like NAME=PID');
});
