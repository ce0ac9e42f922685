/**
 * Prints `<passed> <failed>` of one Vitest JSON report, and adds to a file what failed and how each began:
 * `node counts.mjs <report> <exit status of Vitest> <file>`.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'

const [path, status, failuresPath] = process.argv.slice(2)
const MESSAGE_LENGTH = 1000
let passed = 0
const failures = []
try {
  const report = JSON.parse(readFileSync(path, 'utf8'))
  passed = report.numPassedTests
  for (const { name, status: outcome, message, assertionResults } of report.testResults) {
    const failedTests = assertionResults.filter((test) => test.status === 'failed')
    const file = relative(process.cwd(), name)
    for (const test of failedTests)
      failures.push([`${file}: ${test.fullName}`, test.failureMessages.join('\n')])
    // A file that failed without a failed test did not load, or failed around its tests.
    if (outcome === 'failed' && failedTests.length === 0) failures.push([file, message])
  }
} catch (error) {
  console.error(`no usable report: ${error.message}`)
}
if ((status !== '0' || passed === 0) && failures.length === 0)
  failures.push([`Vitest exited with status ${status}`, ''])
const asText = ([what, message]) => `${what}\n${message.slice(0, MESSAGE_LENGTH).replace(/^/gm, '    ')}\n`
appendFileSync(failuresPath, failures.map(asText).join(''))
console.log(`${passed} ${failures.length}`)
