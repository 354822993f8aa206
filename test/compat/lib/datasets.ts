/** Real rows to carry: the CSV and JSON sets of the npm package vega-datasets. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './broker.ts'

export interface Row {
  /** Becomes the record's key; an MQTT topic tail at the same time. */
  readonly key: string
  readonly value: string
}

const read = (name: string): string => readFileSync(join(ROOT, 'node_modules/vega-datasets/data', name), 'utf8')

/** The 2,922 days of weather.csv: key is place and month (`new-york/2012-01`), value the CSV line. */
export function weatherRows(): readonly Row[] {
  const lines = read('weather.csv').trim().split('\n').slice(1)
  return lines.map((line) => {
    const [place = '', date = ''] = line.split(',')
    return { key: `${place.trim().replaceAll(' ', '-').toLowerCase()}/${date.slice(0, 7)}`, value: line }
  })
}

/** The 2,000 flights of flights-2k.json: key `origin/destination`, value the JSON object. */
export function flightRows(): readonly Row[] {
  const flights = JSON.parse(read('flights-2k.json')) as { readonly origin: string; readonly destination: string }[]
  return flights.map((flight) => ({ key: `${flight.origin}/${flight.destination}`, value: JSON.stringify(flight) }))
}

/** The quakes of earthquakes.json: key is the reporting network, value the GeoJSON feature (UTF-8 place names, nested objects). */
export function earthquakeRows(): readonly Row[] {
  const { features } = JSON.parse(read('earthquakes.json')) as { readonly features: readonly { readonly properties: { readonly net: string } }[] }
  return features.map((feature) => ({ key: `net/${feature.properties.net}`, value: JSON.stringify(feature) }))
}

/** Adds a running number per key, so that order and count can be judged: `NNN|value`. */
export function numbered(rows: readonly Row[]): readonly Row[] {
  const next = new Map<string, number>()
  return rows.map(({ key, value }) => {
    const number = next.get(key) ?? 0
    next.set(key, number + 1)
    return { key, value: `${number}|${value}` }
  })
}

/** Throws unless `got` holds the rows of `sent`, each once, in order within each key. */
export function assertSameRows(reader: string, got: readonly Row[], sent: readonly Row[]): void {
  const byKey = (rows: readonly Row[]) => {
    const map = new Map<string, string[]>()
    for (const row of rows) {
      const values = map.get(row.key)
      if (values) values.push(row.value)
      else map.set(row.key, [row.value])
    }
    return map
  }
  if (got.length !== sent.length) throw new Error(`${reader} read ${got.length} rows of ${sent.length}`)
  const wanted = byKey(sent)
  const found = byKey(got)
  for (const [key, values] of wanted) {
    const own = found.get(key) ?? []
    const at = values.findIndex((value, index) => own[index] !== value)
    if (at >= 0) throw new Error(`${reader}: key ${key}, row ${at}: expected ${values[at]?.slice(0, 80)}, got ${own[at]?.slice(0, 80)}`)
  }
}
