import fc from 'fast-check'
import t from 'tap'
import { RingBuffer } from '../../../lib/std/ring-buffer.js'

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
