// SPDX-License-Identifier: Apache-2.0

// Reads our files with hyparquet, for tests/system/interop/programs.py: a question a line on stdin,
// its rows as JSON arrays and then {"rows": n} or {"error": text} on stdout. Filters go to
// hyparquet with statistics, page indexes and Bloom filters on. Its package is looked for where this runs.

import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const load = async name =>
  import(pathToFileURL(createRequire(process.cwd() + '/').resolve(name)).href)
const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await load('hyparquet')
const { compressors } = await load('hyparquet-compressors')

const NUMBERS = ['ledger_sequence', 'transaction_index', 'operation_index', 'event_index']
// Else microseconds are lost, and a byte order mark that begins a text.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const parsers = {
  timestampFromMicroseconds: micros => micros,
  stringFromBytes: bytes => bytes && decoder.decode(bytes),
}

function valueOf(column, text) {
  if (column === 'timestamp') return BigInt(text)
  if (NUMBERS.includes(column)) return Number(text)
  if (column === 'transaction_hash') return Uint8Array.from(Buffer.from(text, 'hex'))
  return text
}

function filterOf({ Column: column, Low: low, High: high }) {
  if (column === null) return undefined
  if (low === null) return { [column]: { $eq: null } }
  if (low === high) return { [column]: { $eq: valueOf(column, low) } }
  return { [column]: { $gte: valueOf(column, low), $lte: valueOf(column, high) } }
}

// Decimals are Numbers here, rounded: they are printed as such and compared as such.
function textOf(column, value) {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('hex')}"`
  return JSON.stringify(value)
}

function print(text) {
  return process.stdout.write(text) || new Promise(done => process.stdout.once('drain', done))
}

async function answer(question) {
  const file = await asyncBufferFromFile(question.Path)
  const metadata = await parquetMetadataAsync(file, { parsers })
  const filter = filterOf(question)
  const columns = metadata.schema.slice(1).map(element => element.name)
  let count = 0
  let start = 0
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows)
    const rows = await parquetReadObjects({
      file, metadata, filter, compressors, parsers, rowStart: start, rowEnd: end,
      useOffsetIndex: filter !== undefined, usePageIndex: filter !== undefined,
      useBloomFilters: filter !== undefined,
    })
    const lines = rows.map(row => `[${columns.map(name => textOf(name, row[name])).join()}]\n`)
    await print(lines.join(''))
    count += rows.length
    start = end
  }
  return count
}

const version = JSON.parse(readFileSync('node_modules/hyparquet/package.json')).version
await print(JSON.stringify({ version }) + '\n')
for await (const line of createInterface({ input: process.stdin })) {
  try {
    await print(JSON.stringify({ rows: await answer(JSON.parse(line)) }) + '\n')
  } catch (error) {
    await print(JSON.stringify({ error: String(error?.stack ?? error) }) + '\n')
  }
}
