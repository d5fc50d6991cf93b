import t from 'tap'
import fc from 'fast-check'
import { Slots } from '../../../lib/std/slots.js'

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
