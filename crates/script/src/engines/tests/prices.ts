import { twice } from 'mine.js';
import type { Nothing } from 'nowhere.ts';

export interface Price { net: number; currency?: Currency }
export enum Currency { Euro = 'EUR', Dollar = 'USD' }
export type Rate = 0.07 | 0.19;

let asked = 0;
export let last: Price | undefined;

/** Net price and tax. */
export function gross<P extends Price>(price: P, rate: Rate = 0.19): number {
    asked++;
    last = price;
    return price.net * (1 + rate);
}
export const { a: one, rest: [two] } = { a: 1 as number, rest: [2] };
export const doubled = (price: Price): number => twice(price.net)!;
const count = () => asked;
export { count as asked, type Price as Cost };
export * from 'mine.js';
export { twice as alsoTwice } from 'mine.js';
export default class Basket {
    constructor(private readonly prices: Price[] = []) {}
    get net(): number { return this.prices.reduce((sum, price) => sum + price.net, 0); }
}
