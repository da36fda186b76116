/** How the form of a file of people is recognised. */
import { describe, expect, test } from '@jest/globals'
import { peopleFile } from '../../src/cli/people-file.ts'

/** Splits the bytes into chunks of this size, so that chunks end at any place of the file. */
async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(content: string | Uint8Array, size = 1 << 16): Promise<unknown[]> {
  const rows: unknown[] = []
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  for await (const row of peopleFile('-', inChunks(bytes, size))) rows.push(row)
  return rows
}

const parsed = async (content: string, size?: number) =>
  (await read(content, size)).map((row) => {
    const { line, text } = row as { line: number; text: string }
    return [line, JSON.parse(text)]
  })

describe('a JSON document', () => {
  const realm = `{
  "realm" : "shop",
  "roles" : { "users": [ { "not": "a person" } ] },
  "display" : "users",
  "others" : [ [ { "neither": "this" } ] ],
  "users" : [ {
    "username" : "a, [b] {c} \\"d\\" \\\\",
    "credentials" : [ { "secretData" : "{\\"value\\":\\"x\\"}" } ]
  }, {
    "username" : "second" } ],
  "groups" : [ { "path" : "/users" } ]
}
`

  test.each([1, 2, 3, 7, 64, 1 << 16])(
    'is cut into its people, with their lines, when it arrives in chunks of %i bytes',
    async (size) => {
      expect(await parsed(realm, size)).toEqual([
        [6, { username: 'a, [b] {c} "d" \\', credentials: [{ secretData: '{"value":"x"}' }] }],
        [9, { username: 'second' }],
      ])
    },
  )

  test.each([
    [
      'is a list',
      '[{"email":"a@x.y"},\n{"email":"b@x.y"}]',
      [
        [1, { email: 'a@x.y' }],
        [2, { email: 'b@x.y' }],
      ],
    ],
    ['is an object of one line', '{"users":[{"localId":"1"}]}', [[1, { localId: '1' }]]],
    ['begins with a byte order mark', '\ufeff[\n{"email":"a@x.y"}]', [[2, { email: 'a@x.y' }]]],
    ['holds an empty list', '[]', []],
    ['is a pretty-printed object', '{\n"users": [\n{"localId":"1"}\n]}', [[3, { localId: '1' }]]],
  ])('that %s is read', async (_, content, people) => {
    expect(await parsed(content)).toEqual(people)
  })

  test('of one line of a megabyte is read', async () => {
    const people = Array.from({ length: 20_000 }, (_, at) => ({ localId: String(at), email: `p${at}@example.org` }))
    expect(await parsed(JSON.stringify({ kind: 'export', users: people }))).toHaveLength(20_000)
  })

  test.each([
    ['without a list of people', '{\n"realm": "shop",\n"roles": []\n}', 'people_list_missing'],
    ['whose list has numbers', '[1, 2, 3]', 'people_list_malformed'],
    ['whose list has strings', '["a@x.y"]', 'people_list_malformed'],
  ])('%s is refused with one error', async (_, content, code) => {
    await expect(read(content)).rejects.toMatchObject({ code, kind: 'invalid' })
  })

  test('that ends too early yields the complete people, and names the line of the incomplete one', async () => {
    expect(await read('[{"email":"a@x.y"},\n{"email":"b@x')).toEqual([
      { line: 1, text: '{"email":"a@x.y"}' },
      { line: 2, fault: expect.stringMatching(/cut off/) },
    ])
  })

  test('with a person of more than 64 KiB yields the others', async () => {
    const rows = await read(`[{"a":"${'n'.repeat(70_000)}"},\n{"email":"b@x.y"}]`)
    expect(rows).toEqual([
      { line: 1, fault: expect.stringMatching(/longer than 65536 bytes/) },
      { line: 2, text: '{"email":"b@x.y"}' },
    ])
  })
})

describe('CSV', () => {
  test.each([
    ['commas', 'email,name\na@x.y,"Ada, Countess"\nb@x.y,\n'],
    ['semicolons', '"Email";Name\r\na@x.y;"Ada, Countess"\r\nb@x.y;\r\n'],
    ['tabs and a byte order mark', '\ufeffemail\tname\na@x.y\tAda, Countess\nb@x.y\t'],
  ])('with %s is read by its columns', async (_, content) => {
    for (const size of [1, 5, 1 << 16]) {
      expect(await read(content, size)).toEqual([
        { line: 2, columns: { email: 'a@x.y', name: 'Ada, Countess' } },
        { line: 3, columns: { email: 'b@x.y' } },
      ])
    }
  })

  test('with a row of too many cells, too few cells or invalid UTF-8 yields the other rows', async () => {
    const content = Buffer.from('email,name\na@x.y\nb@x.y,b,b\nc@x.y,Andr\u00e9\nd@x.y,Dora\n', 'latin1')
    expect(await read(content)).toEqual([
      { line: 2, fault: 'has 1 columns, and the first line has 2.' },
      { line: 3, fault: 'has 3 columns, and the first line has 2.' },
      { line: 4, fault: 'is not UTF-8 text.' },
      { line: 5, columns: { email: 'd@x.y', name: 'Dora' } },
    ])
  })

  test('with an unclosed quote is refused, and the error quotes no content', async () => {
    const fault = await read('email,name\na@x.y,"SECRET\n').catch((error: unknown) => error)
    expect(fault).toMatchObject({ code: 'csv_malformed' })
    expect(String(fault)).not.toContain('SECRET')
  })

  test('of Firebase, which has no header, is read by the position of its columns', async () => {
    const row = [
      'uid1',
      'a@x.y',
      'true',
      'aGFzaA==',
      'c2FsdA==',
      '"Ada, Countess"',
      '',
      ...Array(16).fill(''),
      '1',
      '2',
      '+44 20 7946 0000',
      'false',
      '"{""admin"":true}"',
      '',
    ]
    expect(await read(`${row.join(',')}\n${row.join(',')}\n`)).toEqual(
      [1, 2].map((line) => ({
        line,
        columns: expect.objectContaining({
          localId: 'uid1',
          email: 'a@x.y',
          displayName: 'Ada, Countess',
          disabled: 'false',
        }),
      })),
    )
  })
})

describe('a file that is neither JSON nor CSV of people', () => {
  test.each([
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0]), /gzip/],
    ['a spreadsheet', Buffer.from('PK\x03\x04xl/workbook.xml', 'latin1'), /spreadsheet/],
    ['UTF-16', Buffer.from('\ufeffemail,name\n', 'utf16le'), /UTF-16/],
    ['LDIF', 'dn: uid=ada,dc=example,dc=org\nuserPassword: {SSHA}x\n', /LDIF/],
    ['a dump in SQL', '-- PostgreSQL database dump\n', /SQL/],
    ['SQL', "INSERT INTO users VALUES ('a@x.y');\n", /SQL/],
    ['a dump of pg_dump', 'PGDMP\x01', /Postgres/],
    ['SQLite', 'SQLite format 3\0', /SQLite/],
    ['HTML', '<!doctype html>\n', /HTML/],
    ['YAML', '---\nusers:\n', /YAML/],
    ['CSV without email', 'login,name\nada,Ada\n', /column "email"/],
    ['prose', 'Dear colleague,\nhere are the people\n', /neither JSON, nor CSV/],
  ])('is refused with one error that names its form when it is %s', async (_, content, words) => {
    await expect(read(content)).rejects.toMatchObject({
      code: 'people_file_unknown',
      kind: 'invalid',
      message: expect.stringMatching(words),
    })
  })
})
