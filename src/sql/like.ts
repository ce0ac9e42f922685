/** LIKE as a condition of a filter: `%` is any text, `_` one character, and `\` takes what follows as it is. */

const SYNTAX = /[$()*+./?[\\\]^{|}]/gu

/** What a text must fulfil. A beginning alone is served by an index. */
export function likeCondition(pattern: string, ignoreCase: boolean): Readonly<Record<string, unknown>> {
  const parts = partsOf(pattern)
  const isBeginning = parts.length === 2 && typeof parts[0] === 'string' && parts[1] === ANY
  if (!ignoreCase && parts.every((part) => typeof part === 'string')) return { $eq: parts.join('') }
  if (!ignoreCase && isBeginning) return { $startsWith: parts[0] }
  const before = parts[0] === ANY ? '' : '^'
  const after = parts.at(-1) === ANY && parts.length > 1 ? '' : '$'
  const inner = parts.slice(before === '' ? 1 : 0, after === '' ? -1 : undefined)
  // What is anything alone still asks for a text.
  const source = parts.length === 1 && before === '' ? '' : before + inner.map(sourceOf).join('') + after
  return { $regex: source, $options: ignoreCase ? 'is' : 's' }
}

const ANY = Symbol('%')
const ONE = Symbol('_')
type Part = string | typeof ANY | typeof ONE

function partsOf(pattern: string): Part[] {
  const parts: Part[] = []
  let text = ''
  const end = (): void => {
    if (text !== '') parts.push(text)
    text = ''
  }
  for (let i = 0; i < pattern.length; i++) {
    const unit = pattern[i] ?? ''
    if (unit === '\\' && i + 1 < pattern.length) text += pattern[++i] ?? ''
    else if (unit === '%' || unit === '_') {
      end()
      // Several in a row are one.
      if (unit === '_') parts.push(ONE)
      else if (parts.at(-1) !== ANY) parts.push(ANY)
    } else text += unit
  }
  end()
  return parts
}

function sourceOf(part: Part): string {
  if (part === ANY) return '.*'
  return part === ONE ? '.' : part.replaceAll(SYNTAX, String.raw`\$&`)
}
