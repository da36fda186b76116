import { access } from 'node:fs/promises'
import { expect, test } from '@jest/globals'
import { findBinaries, serverUser } from '../../../src/storage/embedded/postgres-binaries.ts'

test('this platform has the binaries that npm brought', async () => {
  const { initdb, postgres, major } = await findBinaries(serverUser())
  await access(initdb)
  await access(postgres)
  expect(major).toBe('18')
})

test('a platform without binaries is told to set DATABASE_URL', async () => {
  await expect(findBinaries(undefined, 'plan9-vax')).rejects.toMatchObject({
    code: 'embedded_postgres_missing',
    message: expect.stringMatching(/plan9-vax.*Set DATABASE_URL/),
  })
})
