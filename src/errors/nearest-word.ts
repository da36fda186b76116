/** Finds the known word that is nearest to a mistyped one. */

/** Undefined when none is near: more than two fifths of the letters differ. */
export function nearestWord(typed: string, known: Iterable<string>): string | undefined {
  const word = typed.slice(0, longestWord)
  let nearest: { word: string; edits: number } | undefined
  for (const candidate of known) {
    const edits = editsBetween(word, candidate)
    const isNear = edits <= 0.4 * Math.max(word.length, candidate.length)
    if (isNear && (!nearest || edits < nearest.edits)) nearest = { word: candidate, edits }
  }
  return nearest?.word
}

const longestWord = 100

/** Letters to add, remove, replace or swap with their neighbour (optimal string alignment). */
function editsBetween(one: string, other: string): number {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number) => rows[row]?.[column] ?? Number.POSITIVE_INFINITY
  for (let row = 1; row <= one.length; row += 1) {
    rows.push([row])
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1]
      const isSwapped = one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
      const edits = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (isSame ? 0 : 1),
        isSwapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY,
      )
      rows[row]?.push(edits)
    }
  }
  return at(one.length, other.length)
}
