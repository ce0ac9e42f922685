/**
 * What a salvage cannot know, in sentences: so that nobody takes silence for certainty.
 */
import type { RowComparison } from './salvage-rows.js'
import type { SalvageIdentity } from './salvage-source.js'
import type { Survey } from './salvage-survey.js'

export function whatIsUnknown(
  { lost, endIsMissing, baseIsPartial }: Survey,
  comparison: RowComparison | undefined,
  identity: SalvageIdentity,
): string[] {
  const sentences: string[] = []
  if (identity.statedBy === 'frames') {
    sentences.push(
      'Header and superblocks are damaged: whose file it is was taken from its frames, quarantine files could not be told to be its own, and how far it was durable is known from its frames alone.',
    )
  }
  const [first] = lost
  const last = lost.at(-1)
  if (first !== undefined && last !== undefined) {
    sentences.push(
      `Between commits ${first.sequence} and ${last.sequence}, damaged bytes may have held more transactions than those named: sequences need not follow one another.`,
    )
  }
  if (endIsMissing)
    sentences.push(
      'The end of what was durable is missing: how many transactions were in it is not known, nor which rows they wrote.',
    )
  if (baseIsPartial)
    sentences.push(
      'Of the rows that the compacted file began with, some are missing, and their history was gone before.',
    )
  sentences.push(sentenceOn(comparison))
  return sentences
}

function sentenceOn(comparison: RowComparison | undefined): string {
  if (comparison === undefined) {
    return 'No checkpoint stands behind what is missing: which rows it wrote or deleted is not known, and rows may be there in older versions.'
  }
  const { sequence, isWhole } = comparison
  const end = `What transactions lost after commit ${sequence} did is not known.`
  if (isWhole) return `The checkpoint of commit ${sequence} says which rows there were as of it. ${end}`
  return `The checkpoint of commit ${sequence} says which rows there were as of it, but parts of it are damaged: of the rows in them it says nothing. ${end}`
}
