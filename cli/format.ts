/**
 * Figures and blocks of facts, laid out for a person.
 */
import { visible } from './escape.js'

/** A count, with its thousands set apart. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** A count of something, with the noun in its number: `1 row`, `2 rows`. */
export function counted(value: number, noun: string, plural: string = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`
}

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB'] as const

/** A size in the largest unit that leaves it at least 1. */
export function size(bytes: number): string {
  let amount = bytes
  let unit = 'bytes'
  for (const next of UNITS) {
    if (amount < 1024) break
    amount /= 1024
    unit = next
  }
  return unit === 'bytes' ? counted(bytes, 'byte') : `${amount.toFixed(1)} ${unit}`
}

/** A size to the byte, and in the unit that fits it. */
export function exactSize(bytes: number): string {
  return bytes < 1024 ? size(bytes) : `${count(bytes)} bytes (${size(bytes)})`
}

/** A part of a whole, given from 0 to 1. */
export function percent(part: number): string {
  return `${Math.round(part * 100)}%`
}

/** A duration, given in seconds. */
export function duration(seconds: number): string {
  return seconds < 10 ? `${seconds.toFixed(2)} s` : `${seconds.toFixed(1)} s`
}

/** A name, in quotation marks, safe to show. */
export function quoted(name: string): string {
  return `'${visible(name)}'`
}

/** A block: its title, then one fact a line, the values in one column. */
export function facts(title: string, lines: readonly (readonly [label: string, value: string])[]): string {
  const width = Math.max(...lines.map(([label]) => label.length))
  return [title, ...lines.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`), ''].join('\n')
}

/** A time in milliseconds since 1970, as people write it. */
export function timeText(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? `${ms} ms since 1970` : date.toISOString()
}
