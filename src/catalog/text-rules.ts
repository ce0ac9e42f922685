/**
 * Email addresses and URLs, as fields declare them: simple rules, each kept in time linear in the text.
 *
 * They are about form only, and narrower than the standards: what real addresses look like passes, what only a
 * standard's corner allows (comments, quoted names, addresses of hosts without a dot) does not.
 */

/** Longest email address, and longest part before the `@`. */
const MAX_EMAIL = 254
const MAX_LOCAL = 64
/** Longest host name, and longest label between two of its dots. */
const MAX_HOST = 253
const MAX_LABEL = 63

const LOCAL = /^[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+$/u
const LABEL = /^[\p{L}\p{N}]+(?:-+[\p{L}\p{N}]+)*$/u

/**
 * Whether `text` is an email address: before its only `@` letters, digits and `!#$%&'*+/=?^_{|}~-` with single dots between
 * them, at most 64 characters; behind it a host name of at least two labels; at most 254 characters.
 */
export function isEmail(text: string): boolean {
  const at = text.indexOf('@')
  if (text.length > MAX_EMAIL || at < 1 || at > MAX_LOCAL) return false
  const host = text.slice(at + 1)
  return (
    host.includes('.') &&
    isHostName(host) &&
    text
      .slice(0, at)
      .split('.')
      .every((part) => LOCAL.test(part))
  )
}

/** Labels of letters, digits and inner hyphens, with dots between them. */
function isHostName(text: string): boolean {
  if (text.length > MAX_HOST) return false
  return text.split('.').every((label) => label.length <= MAX_LABEL && LABEL.test(label))
}

const SCHEME = /^[a-z][a-z\d+.-]*$/iu
/** White space, control characters, and what must be written with a percent sign. */
const NOT_IN_URL = /[\s\p{Cc}<>"{}|\\^`]/u
const ADDRESS_6 = /^\[[\da-f:.]+\]$/iu
const PORT = /^\d{0,5}$/u
const MAX_PORT = 65_535

/**
 * Whether `text` is an absolute URL: a scheme, `://`, perhaps a user and `@`, a host name or an address, perhaps a port, and
 * then what follows, without white space, control characters, or any of `<>"{}|\^` and the backtick.
 */
export function isUrl(text: string): boolean {
  const end = text.indexOf('://')
  if (end < 1 || !SCHEME.test(text.slice(0, end)) || NOT_IN_URL.test(text)) return false
  const rest = text.slice(end + 3)
  const authorityEnd = rest.search(/[/?#]/u)
  const authority = authorityEnd < 0 ? rest : rest.slice(0, authorityEnd)
  return isHostAndPort(authority.slice(authority.lastIndexOf('@') + 1))
}

function isHostAndPort(text: string): boolean {
  const colon = text.indexOf(':', text.startsWith('[') ? text.indexOf(']') : 0)
  const host = colon < 0 ? text : text.slice(0, colon)
  const port = colon < 0 ? '' : text.slice(colon + 1)
  return (
    PORT.test(port) && Number(port) <= MAX_PORT && (ADDRESS_6.test(host) || isHostName(withoutLastDot(host)))
  )
}

function withoutLastDot(host: string): string {
  return host.endsWith('.') ? host.slice(0, -1) : host
}
