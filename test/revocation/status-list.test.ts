import { describe, expect, test } from '@jest/globals'
import { StatusList as TheirList } from '@sd-jwt/jwt-status-list'
import fc from 'fast-check'
import { StatusList, statusListSize } from '../../src/revocation/status-list.ts'

async function encoded(size: number, indices: readonly number[]): Promise<string> {
  const list = new StatusList(size)
  for (const index of indices) list.setInvalid(index)
  return list.encoded()
}

const decoded = (lst: string) => TheirList.decompressStatusList(lst, 1)

/** draft-ietf-oauth-status-list-21, Appendix: a list of 2^20 entries of one bit. */
const published =
  'eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' +
  'AAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADjelAAAAAAAAAAAKjDMAQ' +
  'AAAACAZC8L2AEb'
const publishedIndices = [0, 1993, 25_460, 159_495, 495_669, 554_353, 645_645, 723_232, 854_545, 934_534, 1_000_345]

describe('the encoding of a status list', () => {
  test('matches the example of the specification (§4.1)', async () => {
    expect(await encoded(16, [0, 3, 4, 5, 7, 8, 9, 13, 15])).toBe('eNrbuRgAAhcBXQ')
  })

  test("has the entries of the specification's test vector, and is no longer", async () => {
    const ours = await encoded(2 ** 20, publishedIndices)
    const [mine, theirs] = [decoded(ours), decoded(published)]
    for (const index of [...publishedIndices, 1, 1992, 1994, 2 ** 20 - 1]) {
      expect(mine.getStatus(index)).toBe(publishedIndices.includes(index) ? 1 : 0)
      expect(theirs.getStatus(index)).toBe(mine.getStatus(index))
    }
    expect(ours.length).toBeLessThanOrEqual(published.length)
  })

  test('gives every index as it was set, also to an independent decoder', async () => {
    const size = 512
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(size - 1)), async (indices) => {
        const theirs = decoded(await encoded(size, indices))
        expect(Array.from({ length: size }, (_, index) => theirs.getStatus(index))).toEqual(
          Array.from({ length: size }, (_, index) => (indices.includes(index) ? 1 : 0)),
        )
      }),
    )
  })
})

describe('a status list', () => {
  test('holds 2^17 tokens, and its last index can be set', async () => {
    const theirs = decoded(await encoded(statusListSize, [statusListSize - 1]))
    expect(theirs.getStatus(2 ** 17 - 1)).toBe(1)
    expect(theirs.getStatus(2 ** 17 - 2)).toBe(0)
  })

  test('changes its version only with each new bit', () => {
    const list = new StatusList(16)
    const versions = [3, 3, 4, 16, -1, 1_000_000].map((index) => {
      list.setInvalid(index)
      return list.version
    })
    expect(versions).toEqual([1, 1, 2, 2, 2, 2])
    expect([3, 4, 5, 16, -1].map((index) => list.isInvalid(index))).toEqual([true, true, false, false, false])
  })
})
