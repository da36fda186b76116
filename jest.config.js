/** Jest as ESM TypeScript: swc strips the types, Node's own module loader does the rest. */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
  globalSetup: '<rootDir>/test/harness/global-setup.ts',
  globalTeardown: '<rootDir>/test/harness/global-teardown.ts',
  reporters: ['default', '<rootDir>/test/harness/closing-line.ts'],
  // For a hanging test only: a busy machine may take long over what an idle one does at once.
  testTimeout: 120_000,
  // Two more than the cores of a small machine: while some tests wait for a time to pass, others work.
  maxWorkers: 4,
}
