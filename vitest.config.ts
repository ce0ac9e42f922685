import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { runSeed } from './test/support/seed.js'

/** The suites of `test/`, one project each: `npx vitest run --project unit`. */
const suites = ['unit', 'conformance', 'property', 'corruption', 'crash', 'golden', 'cli'] as const

/** Of many small files, which share one process and its compiled code. Their tests leave nothing behind that others could meet. */
const shared: readonly string[] = ['unit', 'conformance', 'property']

const suite = (name: string): { name: string; include: string[]; isolate: boolean } => ({
  name,
  include: [`test/${name}/**/*.test.ts`],
  isolate: !shared.includes(name),
})

// The runner reads this file once for every project, and test processes inherit the environment.
if (process.env['VARVE_SEED'] === undefined) {
  process.env['VARVE_SEED'] = String(runSeed())
  console.log(`VARVE_SEED=${process.env['VARVE_SEED']}`)
}

const config: ViteUserConfig = defineConfig({
  test: {
    // No test is decided by the clock; these limits only end a test that hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // The default leaves a core idle.
    maxWorkers: '100%',
    projects: [
      ...suites.map((name) => ({ extends: true as const, test: suite(name) })),
      { extends: true, test: { ...suite('package'), globalSetup: 'test/package/setup.ts' } },
    ],
  },
})

export default config
