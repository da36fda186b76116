import { describe, expect, test } from '@jest/globals'
import { type AppliedMigration, type Migration, planMigrations } from '../../../src/storage/schema/migration-plan.ts'
import { readMigrations } from '../../../src/storage/schema/migrations.ts'

const file = (name: string, more: Partial<Migration> = {}): Migration => ({
  name,
  sql: 'select',
  checksum: 'x',
  needs: null,
  replaces: null,
  ...more,
})

const applied = (name: string, more: Partial<AppliedMigration> = {}): AppliedMigration => ({
  name,
  checksum: 'x',
  at: new Date(0),
  needs: null,
  release: null,
  ...more,
})

const [one, two, three] = ['000001-one', '000002-two', '000003-three'] as const

describe('a newer schema', () => {
  test('is lived with while nothing applied needs more than this program knows', () => {
    const schema = [applied(one), applied(two), applied(three, { needs: one })]
    expect(planMigrations([file(one)], schema)).toEqual({ pending: [], ahead: [two, three] })
  })

  test('that needs more is refused, with the release to run', () => {
    const schema = [applied(one), applied(two, { release: '1.1.0' }), applied(three, { needs: two, release: '1.2.0' })]
    expect(() => planMigrations([file(one)], schema)).toThrow(
      expect.objectContaining({
        code: 'schema_too_new',
        message: expect.stringMatching(/by release 1\.2\.0.*000003-three.*Run release 1\.1\.0 or later/s),
      }),
    )
    expect(planMigrations([file(one), file(two)], schema)).toEqual({ pending: [], ahead: [three] })
  })

  test('that needs what nobody wrote down is refused', () => {
    expect(() => planMigrations([file(one)], [applied(one), applied(three, { needs: two })])).toThrow(
      /Run a newer release/,
    )
  })
})

describe('an upgrade over several releases', () => {
  const merged = file(three, { replaces: { upTo: two, release: '1.4.0' } })

  test('stops before the first change when a release between them has to come first, and names that one', () => {
    expect(() => planMigrations([merged], [applied(one)])).toThrow(
      expect.objectContaining({
        code: 'schema_too_old',
        message: expect.stringMatching(/in the database is 000001-one.*migrate` of 1\.4\.0 first/),
      }),
    )
  })

  test('does what is left from there on, and on an empty database everything', () => {
    const later = file('000004-later')
    expect(planMigrations([merged, later], [applied(one), applied(two)])).toEqual({
      pending: [{ ...merged, sql: '' }, later],
      ahead: [],
    })
    expect(planMigrations([merged, later], [])).toEqual({ pending: [merged, later], ahead: [] })
    expect(planMigrations([merged, later], [applied(three)])).toEqual({ pending: [later], ahead: [] })
    expect(planMigrations([merged], [applied(one), applied(two), applied(three)])).toEqual({ pending: [], ahead: [] })
    const next = applied('000004-later', { needs: two })
    expect(planMigrations([merged], [applied(three), next])).toEqual({ pending: [], ahead: ['000004-later'] })
  })
})

describe('the law', () => {
  const takesAway =
    /\b(drop\s+(?!index|trigger|default)|rename\s|(?<!or\s)truncate\s|set\s+not\s+null|alter\s+column\s+\S+\s+(set\s+data\s+)?type)/i
  const breaks = (sql: string) =>
    takesAway.test(sql.replace(/--.*$/gm, '').replace(/\$\$.*?\$\$/gs, '')) && !/^-- needs: \d{6}-\S+$/m.test(sql)

  test.each([
    ['drop table one', true],
    ['alter table one rename to two', true],
    ['alter table one alter column id set not null', true],
    ['alter table one alter column id type bigint', true],
    ['-- needs: 000001-one\ndrop table one', false],
    ['alter table one add column more int -- drop table one', false],
    ['drop index one_by_name', false],
  ])('%j breaks the previous release: %j', (sql, expected) => {
    expect(breaks(sql)).toBe(expected)
  })

  test('a migration that takes something away names what a program has to know to live with that', async () => {
    const files = await readMigrations()
    expect(files.length).toBeGreaterThan(5)
    expect(files.filter(({ sql }) => breaks(sql)).map(({ name }) => name)).toEqual([])
  })
})
