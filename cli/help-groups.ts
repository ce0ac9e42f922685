/** The headings under which the help lists the commands. */
export const HelpGroup = {
  look: 'Look at a database:',
  rows: 'Rows in and out:',
  care: 'Care, copies and repair:',
} as const
