// The Gregorian calendar, taken as valid for every year as RFC 3339 does. Both directions count in years that begin in
// March, so that the leap day is the last of its year, and in whole cycles of 400 years, which all have as many days.

private let daysPerCycle: Int64 = 146_097
/// From 0000-03-01 to 1970-01-01.
private let epochDay: Int64 = 719_468

func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
    let marchYear = month > 2 ? year : year - 1
    let cycle = floorQuotient(marchYear, 400)
    let yearOfCycle = floorModulo(marchYear, 400)
    let dayOfYear = daysBefore(marchMonth: month > 2 ? month - 3 : month + 9) + day - 1
    let dayOfCycle = yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear
    return cycle * daysPerCycle + dayOfCycle - epochDay
}

func civilDate(daysSinceEpoch days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let day = days + epochDay
    let cycle = floorQuotient(day, daysPerCycle)
    let dayOfCycle = floorModulo(day, daysPerCycle)
    // Take out the leap days before this day; what is left has 365 for each year.
    let leapDays = dayOfCycle / 1460 - dayOfCycle / 36_524 + dayOfCycle / 146_096
    let yearOfCycle = (dayOfCycle - leapDays) / 365
    let dayOfYear = dayOfCycle - (yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    let year = cycle * 400 + yearOfCycle + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - daysBefore(marchMonth: marchMonth) + 1)
}

/// Five months from March, or from August, have 153 days, in the order 31, 30, 31, 30, 31.
private func daysBefore(marchMonth: Int64) -> Int64 { (153 * marchMonth + 2) / 5 }

func daysIn(_ month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
}

func floorQuotient(_ value: Int64, _ divisor: Int64) -> Int64 {
    value / divisor - (value % divisor < 0 ? 1 : 0)
}

func floorModulo(_ value: Int64, _ divisor: Int64) -> Int64 {
    let rest = value % divisor
    return rest < 0 ? rest + divisor : rest
}
