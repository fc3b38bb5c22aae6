import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Vite would load a second copy of graphql beside Node's own, and each refuses the other's types.
  resolve: { alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') }] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres.ts', 'test/support/build.ts'],
    // A worker keeps the modules of the files before: loading them again costs more than most files take.
    isolate: false,
    // Tests wait more than they compute: three files at once, even on two cores.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    testTimeout: 20_000,
    // CI runs the whole suite on two busy cores, and some LSPs in the tests have timeouts of a second: one more try there.
    retry: process.env['CI'] ? 1 : 0,
    hookTimeout: 60_000,
    // What is waited for comes when it comes: a busy machine is no mistake.
    expect: { poll: { timeout: 10_000 } },
  },
})
