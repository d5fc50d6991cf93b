import fc from 'fast-check'
import t from 'tap'
import { RingBuffer } from '../../../lib/std/ring-buffer.js'
import { Slots } from '../../../lib/std/slots.js'
import { deepStrictEqual } from 'node:assert/strict'
import { type Keyed, StringTable } from '../../../lib/std/string-table.js'

t.test('ring buffer - behaves like an array that is bounded', async (t) => {
  const command = fc.oneof(
    { weight: 5, arbitrary: fc.constant('push' as const) },
    { weight: 4, arbitrary: fc.constant('shift' as const) },
    { weight: 1, arbitrary: fc.constant('unshift' as const) },
    { weight: 1, arbitrary: fc.constant('pop' as const) },
    { weight: 1, arbitrary: fc.constant('append' as const) },
    { weight: 1, arbitrary: fc.constant('drain' as const) },
  )
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(command, { maxLength: 400 }),
      (countMax, commands) => {
        const buffer = new RingBuffer<number>(countMax)
        const model: number[] = []
        commands.forEach((name, i) => {
          if (name === 'drain') {
            t.same(buffer.drain(), model.splice(0))
          } else if (name === 'shift') {
            if (buffer.shift() !== model.shift()) throw new Error('shifted another item')
          } else if (name === 'pop') {
            if (buffer.pop() !== model.pop()) throw new Error('popped another item')
          } else if (name === 'append') {
            buffer.append(i)
            model.push(i)
          } else {
            const isRoom = model.length < countMax
            if (buffer[name](i) !== isRoom) throw new Error(`${name} with ${model.length} of ${countMax}`)
            if (isRoom) model[name](i)
          }
          if (buffer.size !== model.length || buffer.peek() !== model[0])
            throw new Error('size or peek differ')
          const items = Array.from({ length: buffer.size + 2 }, (_, at) => buffer.at(at - 1))
          if (JSON.stringify(items) !== JSON.stringify([undefined, ...model, undefined]))
            throw new Error('at differs')
        })
      },
    ),
  )
  t.pass('400 commands, many times')
})

t.test('ring buffer - holds a million items and gives them back in order', async (t) => {
  const buffer = new RingBuffer<number>()
  for (let i = 0; i < 1_000_000; i++) buffer.push(i)
  let inOrder = true
  for (let i = 0; i < 1_000_000; i++) inOrder &&= buffer.shift() === i
  t.ok(inOrder)
  t.equal(buffer.shift(), undefined)
})

t.test('ring buffer - gives slots back after a burst', async (t) => {
  const buffer = new RingBuffer<number>()
  const slots = () => (buffer as unknown as { slots: unknown[] }).slots.length
  t.equal(slots(), 0, 'unused, it has none')
  for (let i = 0; i < 1_000; i++) buffer.push(i)
  t.equal(slots(), 1_024)
  buffer.drain()
  for (let round = 0; round < 20; round++) {
    buffer.push(round)
    buffer.shift()
  }
  t.equal(slots(), 4)
})

t.test('slots – behave as a map whose numbers are never used twice', async () => {
  const commands = fc.array(fc.oneof(fc.constant('add' as const), fc.nat(20)), { maxLength: 200 })
  fc.assert(
    fc.property(commands, (list) => {
      const slots = new Slots<{ at: number }>(300)
      const model = new Map<number, { at: number }>()
      const given: number[] = []
      list.forEach((command, at) => {
        if (command === 'add') {
          const number = slots.add({ at })
          if (given.includes(number)) throw new Error(`${number} was used before`)
          given.push(number)
          model.set(number, { at })
        } else {
          const number = given[command % Math.max(1, given.length)] ?? 7
          slots.remove(number)
          model.delete(number)
        }
        for (const number of given) {
          if (slots.get(number)?.at !== model.get(number)?.at) throw new Error(`${number} is wrong`)
        }
        if (slots.size !== model.size || slots.values().length !== model.size)
          throw new Error('the size is wrong')
      })
    }),
  )
})

t.test('slots – a number of another time finds nothing', async (t) => {
  const slots = new Slots<string>(1)
  const first = slots.add('a')
  slots.remove(first)
  const second = slots.add('b')
  t.not(first, second)
  t.equal(slots.get(first), undefined)
  slots.remove(first)
  t.equal(slots.get(second), 'b')
  t.equal(slots.get(99), undefined)
})

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
