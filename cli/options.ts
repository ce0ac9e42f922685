/**
 * How options are read that several commands have.
 */
import { InvalidArgumentError, Option } from 'commander'

/** For an option that may be given several times. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value]
}

/** An option that is one of a few words. */
export function choice(
  flag: string,
  words: readonly string[],
  description: string,
  defaultWord?: string,
): Option {
  const option = new Option(`${flag} <${words.join('|')}>`, description).choices(words)
  return defaultWord === undefined ? option : option.default(defaultWord)
}

/** For an option that is a whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/u.test(text) && Number.isSafeInteger(value) && value >= least) return value
    throw new InvalidArgumentError(`It is a whole number of at least ${least}.`)
  }
}
