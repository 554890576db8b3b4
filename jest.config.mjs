/** Unit specs sit beside their subject; promises end to end live in test/ and use a real database and real HTTP. */
const shared = {
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: 'es2022',
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^@app/([^/]+)$': '<rootDir>/libs/$1/src/index.ts', '^(\\.{1,2}/.*)\\.js$': '$1' },
};

export default {
  testTimeout: 60_000,
  // Most of a file's time is waiting: for leases, retries, processes that start. Three at a time are busy enough for two cores; more would starve what they watch.
  maxWorkers: 3,
  projects: [
    { ...shared, displayName: 'unit', testMatch: ['<rootDir>/{apps,libs}/**/*.spec.ts', '<rootDir>/tools/**/*.spec.mjs'] },
    { ...shared, displayName: 'promises', testMatch: ['<rootDir>/test/**/*.spec.ts'] },
  ],
};
