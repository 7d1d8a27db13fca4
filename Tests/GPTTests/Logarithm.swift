import Glibc

func logarithm(_ value: Float) -> Float { Float(log(Double(value))) }
