import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type Keyed, StringTable } from '../../../lib/std/string-table.js'

interface Item extends Keyed<Item> {
  readonly value: number
}
const item = (key: string, value: number): Item => ({ key, value, hash: 0, next: undefined })

t.test('string table - it holds what a map would', async () => {
  const key = fc.oneof(fc.constantFrom('a', 'b', '', '__proto__'), fc.string({ maxLength: 3 }))
  const command = fc.tuple(fc.constantFrom('add', 'add', 'delete'), key, fc.nat())
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const table = new StringTable<Item>()
      const map = new Map<string, number>()
      for (const [what, key, value] of commands) {
        const known = table.get(key)
        deepStrictEqual(known?.value, map.get(key))
        if (what === 'add') {
          if (known !== undefined) table.delete(known)
          table.add(item(key, value))
          map.set(key, value)
        } else if (known !== undefined) {
          table.delete(known)
          map.delete(key)
        }
        deepStrictEqual(table.size, map.size)
      }
      const found = table.values().map(({ key, value }) => [key, value] as const)
      deepStrictEqual(new Map(found), map)
    }),
  )
})

t.test('string table - what was taken out refers to nothing, and is taken out once', async (t) => {
  const table = new StringTable<Item>()
  const items = Array.from({ length: 100 }, (_, i) => item(`k${i}`, i))
  for (const each of items) table.add(each)
  for (const each of items) table.delete(each)
  t.ok(items.every(({ next }) => next === undefined))
  table.delete(items[0] as Item)
  t.equal(table.size, 0)
  table.add(item('k', 1))
  table.clear()
  t.same([table.size, table.get('k')], [0, undefined])
})
