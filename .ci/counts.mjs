/** Prints `<passed> <failed>` of one Vitest JSON report: `node counts.mjs <report> <exit status of Vitest>`. */
import { readFileSync } from 'node:fs'

const [path, status] = process.argv.slice(2)
let passed = 0
let failed = 0
try {
  const report = JSON.parse(readFileSync(path, 'utf8'))
  passed = report.numPassedTests
  failed = report.numFailedTests
  for (const { status: outcome, assertionResults } of report.testResults) {
    // A file that failed without a failed test did not load, or failed around its tests.
    if (outcome === 'failed' && assertionResults.every((test) => test.status !== 'failed')) failed += 1
  }
} catch (error) {
  console.error(`no usable report: ${error.message}`)
}
if (status !== '0' && failed === 0) failed = 1
if (passed + failed === 0) failed = 1
console.log(`${passed} ${failed}`)
