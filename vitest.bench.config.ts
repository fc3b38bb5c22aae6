import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

// What is measured and printed, never asserted: `npm run bench`.
export default defineConfig({
  ...base,
  test: {
    include: ['bench/**/*.bench.ts'],
    globalSetup: ['test/support/build.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    fileParallelism: false,
  },
})
