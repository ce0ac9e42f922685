/**
 * What `verify` finds, in the order in which it is met. The same finding, met twice, is listed once.
 */

/** One thing that is not as it should be. */
export interface VerifyFinding {
  /**
   * `error`: bytes are damaged or contradict each other. `warning`: nothing is lost by it, such as a tail that the next open
   * for writing cuts.
   */
  readonly severity: 'error' | 'warning'
  /**
   * What kind of thing: `header`, `superblock`, `frame`, `padding`, `chain`, `content`, `checkpoint`, `node`, `tree`,
   * `record`, `row`, `digest`, `index`.
   */
  readonly kind: string
  /** Offset in the file. */
  readonly offset: number
  /** Where the bytes concerned end, where that is known. */
  readonly end: number | undefined
  readonly expected: string
  readonly actual: string
}

/** Where in the file something is. */
export interface FindingPlace {
  readonly offset: number
  readonly end?: number | undefined
}

/** What should be there, and what is. */
export interface Contradiction {
  readonly expected: string
  readonly actual: string
}

export class Findings {
  readonly list: VerifyFinding[] = []
  readonly #known = new Set<string>()

  error(kind: string, place: FindingPlace, what: Contradiction): void {
    this.#add('error', kind, place, what)
  }

  warning(kind: string, place: FindingPlace, what: Contradiction): void {
    this.#add('warning', kind, place, what)
  }

  get errors(): number {
    return this.list.filter(({ severity }) => severity === 'error').length
  }

  #add(
    severity: VerifyFinding['severity'],
    kind: string,
    { offset, end }: FindingPlace,
    { expected, actual }: Contradiction,
  ): void {
    const finding = { severity, kind, offset, end, expected, actual }
    const text = JSON.stringify(finding)
    if (this.#known.has(text)) return
    this.#known.add(text)
    this.list.push(finding)
  }
}
