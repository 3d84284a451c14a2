module github.com/aionrun/aion/examples

go 1.26.0
